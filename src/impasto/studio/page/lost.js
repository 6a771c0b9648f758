/** What the server has no longer, of many things or after a new start: it is sent again, or history does without it. */

import { get, isLost } from "./api.js";
import { t } from "./language.js";
import { say, trouble } from "./notices.js";
import { sentAgain } from "./opening.js";
import { withSetting } from "./settings.js";
import { mendHistory, work } from "./work.js";
/** @import { ServerState, Work } from "./types.js" */

/** Mend what is worked on, and its history, where the server has lost a part of it. @param {unknown} error that told so */
export async function mendLost(error) {
  const { photo, look, refined } = work();
  /** @type {ServerState} */
  const server = await get("/api/state");
  if (photo && !server.photos.some((each) => each.photo === photo.photo)) {
    const again = await sentAgain(photo);
    if (!again) say(t("photoGone"), { trouble: true });
    return mendHistory((each) => (each.photo?.photo !== photo.photo ? each : again && { ...each, photo: again, refined: null }));
  }
  if (refined && !server.results.some((each) => each.result === refined)) {
    return mendHistory((each) => (each.refined === refined ? { ...each, refined: null } : each));
  }
  const masks = await Promise.all(look.regions.map(({ mask }) => get(`/api/masks/${mask}/drawing`).then(() => "", (lost) => (isLost(lost) ? mask : ""))));
  if (!masks.some(Boolean)) return trouble(error);
  say(t("partGone"), { trouble: true });
  mendHistory((each) => withoutParts(each, masks));
}

/** @param {Work} w @param {string[]} masks @returns {Work} */
function withoutParts(w, masks) {
  const regions = w.look.regions.filter((region) => !masks.includes(region.mask));
  if (regions.length === w.look.regions.length) return w;
  const settings = regions.length ? w.look.settings : withSetting(w.look.settings, "background", "style");
  return { ...w, look: { ...w.look, regions, settings }, refined: null };
}
