/** Authorisations of cases: proposed by investigators, approved by others. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { get, post, sentence } from "../shared/api.ts";
import { momentField } from "../shared/moment.ts";
import { Part } from "../shared/part.ts";
import { session } from "../shared/session.ts";
import { dayMinute, fromBeijing } from "../shared/time.ts";
import type { Page } from "../shared/types.ts";

interface Authorisation {
  id: number;
  case_no: string;
  instrument: string;
  issuing_unit: string;
  issuing_level: string;
  purpose: string;
  subjects: string[];
  window_start: string;
  window_end: string;
  expires_at: string;
  area: unknown;
  state: string;
  proposed_by: string;
  approved_by: string | null;
  own: boolean;
}

const LEVELS = ["county", "city", "province", "ministry"];

export class CasesPage extends Part {
  private items: Authorisation[] = [];
  private cursor: string | null = null;
  private message = "";
  private failure = "";

  override connectedCallback(): void {
    super.connectedCallback();
    void this.attempt(() => this.load());
  }

  private async load(): Promise<void> {
    const page = await get<Page<Authorisation>>("/authorisations");
    [this.items, this.cursor] = [page.items, page.next_cursor];
  }

  private async attempt(work: () => Promise<unknown>): Promise<void> {
    this.failure = "";
    this.message = "";
    try {
      await work();
    } catch (error) {
      this.failure = sentence(error);
    }
    this.requestUpdate();
  }

  private async act(item: Authorisation, what: "approve" | "revoke"): Promise<void> {
    await this.attempt(async () => {
      await post(`/authorisations/${item.id}/${what}`);
      await this.load();
    });
  }

  private more(): void {
    void this.attempt(async () => {
      const page = await get<Page<Authorisation>>(`/authorisations?cursor=${this.cursor}`);
      this.items = [...this.items, ...page.items];
      this.cursor = page.next_cursor;
    });
  }

  private async propose(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const values = new FormData(form);
    const words = (name: string): string => String(values.get(name) ?? "").trim();
    const times = { window_start: fromBeijing(values.get("start")), window_end: fromBeijing(values.get("end")), expires_at: fromBeijing(values.get("expires")) };
    if (Object.values(times).includes("")) return this.refuse("cases.times_needed");
    let area: unknown = null;
    try {
      area = words("area") ? JSON.parse(words("area")) : null;
    } catch {
      return this.refuse("cases.area_wrong");
    }
    const said = Object.fromEntries(["case_no", "instrument", "issuing_unit", "issuing_level", "purpose"].map((name) => [name, words(name)]));
    await this.attempt(async () => {
      await post("/authorisations", { ...said, ...times, area, subjects: words("subjects").split(/\s+/).filter(Boolean) });
      form.reset();
      await this.load();
      this.message = t("cases.proposed");
    });
  }

  private refuse(key: Key): void {
    this.failure = t(key);
    this.requestUpdate();
  }

  override render(): TemplateResult {
    return html`<div class="sheet"><h1>${t("cases.title")}</h1><p class="hint">${t("cases.hint")}</p>
      <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      <div role="status">${this.message ? html`<p class="message ok">${this.message}</p>` : nothing}</div>
      <div class="columns"><section>${this.items.length ? html`<ul class="cases">${this.items.map((item) => this.item(item))}</ul>` : html`<p class="empty">${t("cases.none")}</p>`}
        ${this.cursor ? html`<button class="button" @click=${() => this.more()}>…</button>` : nothing}</section>
      ${session.may("propose_case") ? this.form() : nothing}</div></div>`;
  }

  private item(item: Authorisation): TemplateResult {
    const over = item.state !== "revoked" && Date.parse(item.expires_at) <= Date.now();
    const title = `case-${item.id}`;
    return html`<li class="card" aria-labelledby=${title}><header><h2 id=${title}>${item.case_no}</h2><span class="tag" data-state=${item.state}>${t(`case.state.${over ? "expired" : item.state}` as Key)}</span></header>
      <dl class="facts"><dt>${t("cases.instrument")}</dt><dd>${item.instrument}</dd><dt>${t("cases.issuing_unit")}</dt><dd>${item.issuing_unit} · ${code("level", item.issuing_level)}</dd>
        <dt>${t("cases.purpose")}</dt><dd>${item.purpose}</dd><dt>${t("cases.subjects")}</dt><dd>${item.subjects.length ? item.subjects.join(" ") : t("cases.anyone")}</dd>
        <dt>${t("cases.window")}</dt><dd>${dayMinute(item.window_start)} – ${dayMinute(item.window_end)}</dd><dt>${t("cases.expires")}</dt><dd>${dayMinute(item.expires_at)}</dd></dl>
      <p class="hint">${item.area ? t("cases.has_area") : t("cases.anywhere")} · ${t("cases.by", { proposer: item.proposed_by })}${item.approved_by ? ` · ${t("cases.approved_by", { approver: item.approved_by })}` : ""}</p>
      ${session.may("approve_case") ? this.actions(item, over) : nothing}</li>`;
  }

  private actions(item: Authorisation, over: boolean): TemplateResult {
    if (item.state === "revoked" || over) return html``;
    const open = item.state === "proposed";
    return html`<div class="actions">
      ${open && !item.own ? html`<button class="button primary" @click=${() => void this.act(item, "approve")}>${t("cases.approve")}</button>` : nothing}
      ${open && item.own ? html`<span class="hint">${t("cases.own")}</span>` : nothing}
      <button class="button" @click=${() => void this.act(item, "revoke")}>${t("cases.revoke")}</button></div>`;
  }

  private form(): TemplateResult {
    const text = (name: string, label: Key, hint = ""): TemplateResult =>
      html`<label class="field"><span>${t(label)}</span><input class="input" name=${name} placeholder=${hint} autocomplete="off" required /></label>`;
    return html`<section class="card"><h2>${t("cases.propose")}</h2><form @submit=${(event: SubmitEvent) => void this.propose(event)} novalidate>
      ${text("case_no", "cases.case_no")}${text("instrument", "cases.instrument", t("cases.instrument_hint"))}${text("issuing_unit", "cases.issuing_unit")}
      <label class="field"><span>${t("cases.issuing_level")}</span><select class="input" name="issuing_level">${LEVELS.map((level) => html`<option value=${level}>${code("level", level)}</option>`)}</select></label>
      ${text("purpose", "cases.purpose")}
      <label class="field"><span>${t("cases.subjects")}</span><input class="input" name="subjects" placeholder=${t("cases.subjects_hint")} autocomplete="off" /></label>
      ${momentField("start", t("cases.start"))}${momentField("end", t("cases.end"))}${momentField("expires", t("cases.expires"))}
      <label class="field"><span>${t("cases.area")}</span><textarea class="input" name="area" spellcheck="false"></textarea></label>
      <button class="button primary">${t("cases.propose")}</button></form></section>`;
  }
}

customElements.define("tianshu-cases", CasesPage);
