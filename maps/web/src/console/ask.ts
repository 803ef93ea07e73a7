/** A line that must be filled in before a step is taken: a reason, a feedback, a result with its code. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";

export interface Question {
  label: string;
  hint: string;
  /** What the button says. */
  act: string;
  codes?: { code: string; words: string }[];
  /** Whether the text may stay empty when a code is chosen. */
  codeIsEnough?: boolean;
  run(text: string, code: string): void;
}

export function ask(question: Question, busy: boolean, cancel: () => void): TemplateResult {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const chosen = String(form.get("code") ?? "");
    const known = question.codes?.find((one) => one.code === chosen)?.words ?? "";
    question.run(String(form.get("text")).trim() || known, chosen);
  };
  return html`<form class="close-form ask" novalidate @submit=${submit}>
    ${question.codes?.length ? html`<label class="field"><span>${t("call.result_code")}</span><select class="input" name="code">${question.codes.map((one) => html`<option value=${one.code}>${one.words}</option>`)}</select></label>` : nothing}
    <label class="field"><span>${question.label}</span><input class="input" name="text" placeholder=${question.hint} autocomplete="off" /></label>
    <div class="buttons"><button type="button" class="button" @click=${cancel}>${t("call.cancel")}</button><button class="button primary" ?disabled=${busy}>${question.act}</button></div></form>`;
}
