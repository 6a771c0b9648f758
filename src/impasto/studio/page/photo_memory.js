/** The photo itself, kept in the browser, so that a new start of the studio costs nothing. */

/** @returns {Promise<IDBDatabase>} */
function database() {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("impasto", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("photos");
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
}

/**
 * Keep a photo's file; there is only ever the last.
 * @param {string} id
 * @param {File} file
 */
export async function keepFile(id, file) {
  try {
    const store = (await database()).transaction("photos", "readwrite").objectStore("photos");
    store.clear();
    store.put({ id, file }, "last");
  } catch {
    // A browser that keeps nothing costs the reload's memory and nothing else.
  }
}

/** @param {string} id @returns {Promise<File|null>} */
export async function keptFile(id) {
  try {
    const store = (await database()).transaction("photos").objectStore("photos");
    const found = await new Promise((resolve, reject) => {
      const asking = store.get("last");
      asking.onsuccess = () => resolve(asking.result);
      asking.onerror = () => reject(asking.error);
    });
    return found?.id === id ? found.file : null;
  } catch {
    return null;
  }
}
