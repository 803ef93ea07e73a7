/** Enforcement guidance (执法指引): steps to check off, the law they stand on, the documents to make. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { prefs } from "../shared/prefs.ts";
import { clockMinute } from "../shared/time.ts";
import type { Guidance } from "./my.ts";

export function guidance(told: Guidance, busy: boolean, check: (id: string, done: boolean) => void): TemplateResult {
  const { language } = prefs;
  const done = told.steps.filter((step) => step.done).length;
  return html`<section class="guidance"><header><h2>${told.title[language]}</h2><span class="tag">${t("officer.steps_done", { done, all: told.steps.length })}</span></header>
    <p class="version"><small>${t("officer.guidance_version", { version: told.version })}</small>${told.reviewed.state === "draft" ? html` <span class="tag warning">${t("officer.guidance_draft")}</span>` : nothing}</p>
    <ol>${told.steps.map((step) => html`<li><label class="check"><input type="checkbox" .checked=${step.done !== null} ?disabled=${busy} @change=${(event: Event) => check(step.id, (event.target as HTMLInputElement).checked)} />
      <span>${step.text[language]}${step.done ? html`<small>${clockMinute(Date.parse(step.done.at))} ${step.done.who}</small>` : nothing}</span></label></li>`)}</ol>
    ${told.basis.length ? html`<details><summary>${t("officer.basis")}</summary><ul>${told.basis.map((one) => html`<li>${one.law}${one.article ? ` ${one.article}` : ""}${one.note ? html`<small>${one.note}</small>` : nothing}</li>`)}</ul></details>` : nothing}
    ${told.documents.length ? html`<details><summary>${t("officer.documents")}</summary><ul>${told.documents.map((one) => html`<li>${one[language]}</li>`)}</ul></details>` : nothing}</section>`;
}
