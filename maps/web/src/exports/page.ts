/** Tracks as files: asked for by one person, approved by another, downloaded within a day. */

import { html, nothing, type TemplateResult } from "lit";
import { t, type Key } from "../i18n/index.ts";
import { all, get, post, query, save, sentence } from "../shared/api.ts";
import { icon } from "../shared/icons.ts";
import { Part } from "../shared/part.ts";
import { momentField } from "../shared/moment.ts";
import { session } from "../shared/session.ts";
import { dayMinute, fromBeijing } from "../shared/time.ts";
import type { Page, UnitOut } from "../shared/types.ts";

interface ExportRequest {
  id: number;
  asked_by: string;
  own: boolean;
  unit_id: number;
  call_sign: string;
  start: string;
  end: string;
  reason: string;
  case_no: string | null;
  asked_at: string;
  state: "proposed" | "approved" | "refused";
  decided_by: string | null;
  decided_at: string | null;
  expires_at: string | null;
}

const FORMS = ["csv", "geojson"] as const;
/** The case stands in a header, never in an address. */
const ofCase = (case_no: string | null): Record<string, string> => (case_no ? { "Tianshu-Case": encodeURIComponent(case_no) } : {});

export class ExportsPage extends Part {
  private items: ExportRequest[] = [];
  private cursor: string | null = null;
  private units: UnitOut[] = [];
  private message = "";
  private failure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    void this.attempt(() => this.load());
    if (this.knowsUnits) void this.attempt(async () => { this.units = await all<UnitOut>("/units?limit=1000"); });
  }

  /** Whoever may not see the units writes the number that an authorisation names. */
  private get knowsUnits(): boolean {
    return session.may("view_live");
  }

  private unitId(text: string): number {
    return this.knowsUnits ? this.units.find((unit) => unit.call_sign === text)?.id ?? 0 : Number(text);
  }

  private async load(): Promise<void> {
    const page = await get<Page<ExportRequest>>("/exports");
    [this.items, this.cursor] = [page.items, page.next_cursor];
  }

  private async more(): Promise<void> {
    const page = await get<Page<ExportRequest>>(`/exports${query({ cursor: this.cursor })}`);
    [this.items, this.cursor] = [[...this.items, ...page.items], page.next_cursor];
  }

  private async attempt(work: () => Promise<unknown>, done: Key | null = null): Promise<boolean> {
    this.failure = this.message = "";
    try {
      await work();
      this.message = done ? t(done) : "";
    } catch (error) {
      this.failure = sentence(error);
    }
    this.requestUpdate();
    return !this.failure;
  }

  private async decide(item: ExportRequest, approve: boolean): Promise<void> {
    await this.attempt(async () => {
      await post(`/exports/${item.id}/decision`, { approve });
      await this.load();
    });
  }

  private async download(item: ExportRequest, form: string): Promise<void> {
    const path = `/units/${item.unit_id}/track.${form}${query({ start: item.start, end: item.end, request_id: item.id })}`;
    await this.attempt(() => save(path, ofCase(item.case_no)), "exports.saved");
  }

  /** What a form says, or null when it says too little. */
  private said(event: SubmitEvent): { unit_id: number; start: string; end: string; values: FormData } | null {
    event.preventDefault();
    const values = new FormData(event.target as HTMLFormElement);
    const said = { unit_id: this.unitId(String(values.get("unit")).trim()), start: fromBeijing(values.get("start")), end: fromBeijing(values.get("end")), values };
    if (said.unit_id > 0 && said.start && said.end) return said;
    this.failure = t(said.unit_id > 0 ? "exports.times_needed" : "exports.unit_needed");
    this.requestUpdate();
    return null;
  }

  private async ask(event: SubmitEvent): Promise<void> {
    const said = this.said(event);
    if (!said) return;
    const { unit_id, start, end, values } = said;
    const asked = await this.attempt(async () => {
      await post("/exports", { unit_id, start, end, reason: values.get("reason") }, ofCase(String(values.get("case_no")).trim()));
      await this.load();
    }, "exports.asked");
    if (asked) (event.target as HTMLFormElement).reset();
  }

  private async take(event: SubmitEvent): Promise<void> {
    const said = this.said(event);
    if (!said) return;
    const { unit_id, start, end, values } = said;
    const path = `/units/${unit_id}/track.${String(values.get("form"))}${query({ start, end })}`;
    await this.attempt(() => save(path, ofCase(String(values.get("case_no")).trim())), "exports.saved");
  }

  override render(): TemplateResult {
    return html`<div class="sheet"><h1>${t("exports.title")}</h1><p class="hint">${t("exports.hint")}</p>
      <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      <div role="status">${this.message ? html`<p class="message ok">${this.message}</p>` : nothing}</div>
      <div class="columns"><section>${this.items.length ? html`<ul class="cases">${this.items.map((item) => this.item(item))}</ul>` : html`<p class="empty">${t("exports.none")}</p>`}
        ${this.cursor ? html`<button class="button" @click=${() => void this.attempt(() => this.more())}>${t("audit.more")}</button>` : nothing}</section>
      <datalist id="export-units">${this.units.map((unit) => html`<option value=${unit.call_sign}></option>`)}</datalist>
      ${session.may("export_track") ? html`<div class="cases">${this.wish()}${this.small()}</div>` : nothing}</div></div>`;
  }

  private item(item: ExportRequest): TemplateResult {
    const title = `export-${item.id}`;
    const decided = item.decided_by && item.decided_at ? t("exports.decided", { name: item.decided_by, at: dayMinute(item.decided_at) }) : "";
    return html`<li class="card" aria-labelledby=${title}><header><h2 id=${title}>${item.call_sign}</h2><span class="tag">${icon(item.state === "approved" ? "check" : item.state === "refused" ? "close" : "bell")}${t(`export.state.${item.state}`)}</span></header>
      <p class="statement">${item.reason}</p>
      <dl class="facts"><dt>${t("exports.start")}</dt><dd>${dayMinute(item.start)}</dd><dt>${t("exports.end")}</dt><dd>${dayMinute(item.end)}</dd>
        ${item.case_no ? html`<dt>${t("cases.case_no")}</dt><dd>${item.case_no}</dd>` : nothing}</dl>
      <p class="hint">${t("exports.by", { name: item.asked_by, at: dayMinute(item.asked_at) })}${decided ? html`<br />${decided}` : nothing}</p>${this.actions(item)}</li>`;
  }

  private actions(item: ExportRequest): TemplateResult {
    if (item.state === "proposed" && session.may("approve_export")) {
      if (item.own) return html`<p class="hint">${t("exports.own")}</p>`;
      return html`<div class="actions"><button class="button primary" @click=${() => void this.decide(item, true)}>${t("exports.approve")}</button>
        <button class="button" @click=${() => void this.decide(item, false)}>${t("exports.refuse")}</button></div>`;
    }
    if (item.state !== "approved" || !item.own || !item.expires_at) return html``;
    if (Date.parse(item.expires_at) <= Date.now()) return html`<p class="hint">${t("exports.over")}</p>`;
    return html`<div class="actions">${FORMS.map((form) => html`<button class="button" @click=${() => void this.download(item, form)}>${t("exports.download", { form: form.toUpperCase() })}</button>`)}
      <span class="hint">${t("exports.good_until", { at: dayMinute(item.expires_at) })}</span></div>`;
  }

  private fields(): TemplateResult {
    return html`<label class="field"><span>${t(this.knowsUnits ? "exports.unit" : "exports.unit_number")}</span><input class="input" name="unit" list="export-units" autocomplete="off" required /></label>
      ${momentField("start", t("exports.start"))}${momentField("end", t("exports.end"))}
      <label class="field"><span>${t("exports.case")}</span><input class="input" name="case_no" autocomplete="off" /></label>`;
  }

  private wish(): TemplateResult {
    return html`<section class="card" aria-labelledby="ask-title"><h2 id="ask-title">${t("exports.ask")}</h2><form @submit=${(event: SubmitEvent) => void this.ask(event)}>${this.fields()}
      <label class="field"><span>${t("exports.reason")}</span><textarea class="input" name="reason" maxlength="2000" required></textarea></label>
      <button class="button primary">${t("exports.ask")}</button></form></section>`;
  }

  private small(): TemplateResult {
    return html`<section class="card" aria-labelledby="small-title"><h2 id="small-title">${t("exports.small")}</h2><p class="hint">${t("exports.small_hint")}</p>
      <form @submit=${(event: SubmitEvent) => void this.take(event)}>${this.fields()}
        <label class="field"><span>${t("exports.format")}</span><select class="input" name="form">${FORMS.map((form) => html`<option value=${form}>${form.toUpperCase()}</option>`)}</select></label>
        <button class="button">${t("exports.small")}</button></form></section>`;
  }
}

customElements.define("tianshu-exports", ExportsPage);
