/** Dark and light: as the system, or as chosen. */

import { button } from "./elements.js";
import { t, whenLanguage } from "./language.js";

const ORDER = ["auto", "light", "dark"];
const WORDS = { auto: "themeAuto", light: "themeLight", dark: "themeDark" };

export function prepareTheme() {
  let theme = localStorage.getItem("impasto.theme") ?? "auto";
  const set = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    const words = t(WORDS[/** @type {keyof typeof WORDS} */ (theme)] ?? "themeAuto");
    button("theme").setAttribute("aria-label", words);
    button("theme").title = words;
  };
  button("theme").addEventListener("click", () => {
    theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length] ?? "auto";
    localStorage.setItem("impasto.theme", theme);
    set();
  });
  whenLanguage(set);
}
