/** Handing a shift over (交接班): the open note to sign for, the note to write, the notes before. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { get, post, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { Part } from "../shared/part.ts";
import { dayMinute } from "../shared/time.ts";

interface Note {
  id: number;
  at: string;
  by: string;
  text: string;
  open_calls: number[];
  taken_by: string | null;
  taken_at: string | null;
  mine: boolean;
}


export class Handover extends Part {
  private notes: Note[] = [];
  private failure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    void this.load();
  }

  /** Notes of others that nobody has signed for. */
  get waiting(): number {
    return this.notes.filter((note) => !note.mine && note.taken_by === null).length;
  }

  async show(): Promise<void> {
    this.querySelector("dialog")?.showModal();
    await this.load();
    this.querySelector<HTMLElement>(".note[data-waiting] .button, textarea")?.focus();
  }

  private async load(): Promise<void> {
    await this.attempt(async () => { this.notes = await get<Note[]>("/desk/notes"); });
    this.dispatchEvent(new CustomEvent("notes", { detail: this.waiting, bubbles: true }));
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    this.failure = "";
    await work().catch((error: unknown) => { this.failure = sentence(error); });
    this.requestUpdate();
  }

  private async write(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const text = String(new FormData(form).get("text")).trim();
    if (!text) return;
    await this.attempt(async () => {
      await post("/desk/notes", { text });
      form.reset();
      await this.load();
    });
  }

  override render(): TemplateResult {
    const close = (event: Event): void => (event.target as Element).closest("dialog")?.close();
    return html`<dialog class="handover" aria-label=${t("handover.title")}>
      <header><h2>${t("handover.title")}</h2><button class="icon-button" aria-label=${t("shell.close")} @click=${close}>${icon("close")}</button></header>
      ${this.failure ? html`<p class="message error" role="alert">${this.failure}</p>` : nothing}
      <ol class="notes-list" tabindex="0" aria-label=${t("handover.notes")}>${this.notes.slice(0, 8).map((note) => this.note(note))}</ol>
      <form @submit=${(event: SubmitEvent) => void this.write(event)}><label class="field"><span>${t("handover.write")}</span><textarea class="input" name="text" maxlength="4000" placeholder=${t("handover.hint")}></textarea></label>
        <div class="buttons"><button class="button primary">${t("handover.send")}</button></div></form></dialog>`;
  }

  private note(note: Note): TemplateResult {
    const waiting = note.taken_by === null && !note.mine;
    const take = (): void => void this.attempt(async () => { await post(`/desk/notes/${note.id}/take`); await this.load(); });
    return html`<li class="note" ?data-waiting=${waiting}><p><b>${note.by}</b><small>${dayMinute(note.at)}${t("list.dot")}${t("handover.open_calls", { n: note.open_calls.length })}</small></p><p>${note.text}</p>
      ${waiting ? html`<button class="button primary" @click=${take}>${icon("check")}${t("handover.take")}</button>` : html`<p><small>${note.taken_by ? t("handover.taken", { who: note.taken_by, at: dayMinute(note.taken_at!) }) : t("handover.not_taken")}</small></p>`}</li>`;
  }
}

customElements.define("tianshu-handover", Handover);
