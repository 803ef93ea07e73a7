/** The list of keys ("?"): where each works, and what it does. */

import { html, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { icon } from "../shared/icons.ts";

type Row = [string[], Key];

const SECTIONS: [Key, Row[]][] = [
  ["keys.live", [
    [["/"], "keys.search"],
    [["↑", "↓"], "keys.move"],
    [["Enter"], "keys.select"],
    [["1", "2", "3", "4"], "keys.tabs"],
    [["F"], "keys.follow"],
    [["T"], "keys.trail"],
    [["← ↑ ↓ →", "+", "−", "Enter"], "keys.map"],
    [["Y"], "keys.layers"],
    [["V"], "keys.pop_out"],
    [["K"], "keys.mute"],
    [["H"], "keys.handover"],
    [["Alt", "S"], "keys.sos"],
    [["Esc"], "keys.escape"],
    [["?"], "keys.help"],
  ]],
  ["keys.form", [
    [["N"], "keys.new_call"],
    [["Enter"], "keys.take_option"],
    [["Alt", "1–9"], "keys.template"],
    [["Ctrl", "Enter"], "keys.submit"],
    [["J"], "keys.joint"],
  ]],
  ["keys.call", [
    [["S"], "keys.sign"],
    [["R"], "keys.recommended"],
    [["C"], "keys.close_call"],
  ]],
  ["nav.operator", [
    [["/"], "keys.search"],
    [["1–7"], "keys.operator_views"],
  ]],
  ["nav.replay", [
    [["Space"], "keys.play"],
    [["←", "→"], "keys.seek"],
    [["−", "+"], "keys.speed"],
    [["Home", "End"], "keys.ends"],
  ]],
];

const rows = (keys: Row[]): TemplateResult[] =>
  keys.map(([names, words]) => html`<dt>${names.map((name) => html`<kbd>${name}</kbd> `)}</dt><dd>${t(words)}</dd>`);

export function keyList(): TemplateResult {
  const close = (event: Event): void => (event.target as Element).closest("dialog")?.close();
  return html`<dialog class="keys-dialog" aria-label=${t("shell.help")}>
    <header><h2>${t("shell.help")}</h2><button class="icon-button" aria-label=${t("shell.close")} @click=${close}>${icon("close")}</button></header>
    <div class="keys-sections" tabindex="0">${SECTIONS.map(([title, keys]) => html`<section><h3 class="keys-section">${t(title)}</h3><dl class="keys">${rows(keys)}</dl></section>`)}</div>
  </dialog>`;
}
