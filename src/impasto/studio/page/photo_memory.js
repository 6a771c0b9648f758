/** Photos themselves, kept in the browser, so that a new start of the studio costs nothing. */

/** @typedef {File|string} Source a photo's file, or the id of the sample that it is */

const [MOST, MOST_BYTES] = [16, 256 * 2 ** 20];

/**
 * @param {IDBTransactionMode} mode
 * @returns {Promise<IDBObjectStore>}
 */
async function photos(mode) {
  const opening = indexedDB.open("impasto", 2);
  opening.onupgradeneeded = () => {
    for (const name of opening.result.objectStoreNames) opening.result.deleteObjectStore(name);
    opening.result.createObjectStore("photos");
  };
  return (await answer(opening)).transaction("photos", mode).objectStore("photos");
}

/** @template T @param {IDBRequest<T>} asking @returns {Promise<T>} */
const answer = (asking) =>
  new Promise((resolve, reject) => {
    asking.onsuccess = () => resolve(asking.result);
    asking.onerror = () => reject(asking.error);
  });

/**
 * Keep where a photo came from; of many the oldest go.
 * @param {string} id
 * @param {Source} source
 */
export async function keepSource(id, source) {
  try {
    const store = await photos("readwrite");
    await answer(store.put({ source, time: Date.now() }, id));
    const [ids, kept] = await Promise.all([answer(store.getAllKeys()), answer(store.getAll())]);
    let bytes = 0;
    const newest = ids.map((key, index) => ({ key, ...kept[index] })).sort((one, other) => other.time - one.time);
    newest.forEach(({ key, source }, index) => {
      bytes += source.size ?? 0;
      if (index && (index >= MOST || bytes > MOST_BYTES)) store.delete(key);
    });
  } catch {
    // A browser that keeps nothing costs the memory of a new start and nothing else.
  }
}

/** @param {string} id @returns {Promise<Source|null>} */
export async function keptSource(id) {
  try {
    return (await answer((await photos("readonly")).get(id)))?.source ?? null;
  } catch {
    return null;
  }
}
