/** The list of keys ("?"). */

import { html, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { icon } from "../shared/icons.ts";

const LIVE: [string[], Key][] = [
  [["/"], "keys.search"],
  [["↑", "↓"], "keys.move"],
  [["Enter"], "keys.select"],
  [["F"], "keys.follow"],
  [["T"], "keys.trail"],
  [["N"], "keys.new_call"],
  [["1", "2", "3"], "keys.tabs"],
  [["Esc"], "keys.escape"],
  [["?"], "keys.help"],
];

const REPLAY: [string[], Key][] = [
  [["Space"], "keys.play"],
  [["←", "→"], "keys.seek"],
  [["−", "+"], "keys.speed"],
  [["Home", "End"], "keys.ends"],
];

const rows = (keys: [string[], Key][]): TemplateResult[] =>
  keys.map(([names, words]) => html`<dt>${names.map((name) => html`<kbd>${name}</kbd> `)}</dt><dd>${t(words)}</dd>`);

export function keyList(): TemplateResult {
  const close = (event: Event): void => (event.target as Element).closest("dialog")?.close();
  return html`<dialog class="keys-dialog" aria-label=${t("shell.help")}>
    <header><h2>${t("shell.help")}</h2><button class="icon-button" aria-label=${t("shell.close")} @click=${close}>${icon("close")}</button></header>
    <dl class="keys">${rows(LIVE)}</dl>
    <h3 class="keys-section">${t("nav.replay")}</h3>
    <dl class="keys">${rows(REPLAY)}</dl>
  </dialog>`;
}
