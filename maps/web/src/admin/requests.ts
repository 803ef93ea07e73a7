/** What is kept of callers and of devices that were carried: found, corrected, deleted (个人信息保护法 44–47). */

import { html, nothing, type TemplateResult } from "lit";
import { code, t } from "../i18n/index.ts";
import { get, post, put, remove, sentence } from "../shared/api.ts";
import { momentField } from "../shared/moment.ts";
import { Part } from "../shared/part.ts";
import { beijingDay, dayMinute, fromBeijing } from "../shared/time.ts";

interface Hold {
  reason: string;
  until: string | null;
}

interface CallKept {
  call_id: number | null;
  said: { place: string; text: string }[];
  holds: Hold[];
}

interface DeviceKept {
  device_id: number;
  phone: string;
  kept: { what: string; rows: number; first_at: string | null; last_at: string | null }[];
  carried: { account_id: number; name: string; call_sign: string; since: string; until: string | null }[];
}

interface Destruction {
  id: number;
  at: string;
  what: string;
  rows: number;
}

interface Deleted {
  record: number;
  fixes: number;
  left: number;
}

const until = ({ reason, until: end }: Hold): string => {
  const why = code("rights.hold", reason);
  return end ? t("rights.kept_until", { why, until: beijingDay(Date.parse(end)) }) : why;
};
const span = (start: string | null, end: string | null): string => (start && end ? `${dayMinute(start)} – ${dayMinute(end)}` : "—");

export class RequestsCard extends Part {
  private words = "";
  private calls: CallKept[] | null = null;
  private device: DeviceKept | null = null;
  private records: Destruction[] = [];
  private message = "";
  private failure = "";
  private question: { words: string; act: () => Promise<void> } | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    void this.attempt(() => this.load());
  }

  private async load(): Promise<void> {
    this.records = await get<Destruction[]>("/personal-data/records?limit=20");
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    this.failure = this.message = "";
    try {
      await work();
    } catch (error) {
      this.failure = sentence(error);
    }
    this.requestUpdate();
  }

  private async find(words: string): Promise<void> {
    this.words = words;
    this.calls = (await post<CallKept[]>("/personal-data/calls/search", { words })) ?? [];
  }

  private search(event: SubmitEvent): void {
    event.preventDefault();
    void this.attempt(() => this.find(String(new FormData(event.target as HTMLFormElement).get("words"))));
  }

  private correct(event: SubmitEvent, id: number): void {
    event.preventDefault();
    const values = new FormData(event.target as HTMLFormElement);
    void this.attempt(async () => {
      await put(`/personal-data/calls/${id}`, { wrong: values.get("wrong"), right: values.get("right") });
      await this.find(this.words);
      this.message = t("rights.corrected");
    });
  }

  private async destroyCall(id: number): Promise<void> {
    const gone = await remove<{ record: number }>(`/personal-data/calls/${id}`);
    await Promise.all([this.find(this.words), this.load()]);
    this.message = t("rights.deleted", { record: gone?.record ?? "" });
  }

  private show(event: SubmitEvent): void {
    event.preventDefault();
    const id = Number(new FormData(event.target as HTMLFormElement).get("device_id"));
    void this.attempt(async () => {
      this.device = await get<DeviceKept>(`/personal-data/devices/${id}`);
    });
  }

  private choose(event: SubmitEvent, id: number): void {
    event.preventDefault();
    const values = new FormData(event.target as HTMLFormElement);
    const [start, end] = [fromBeijing(values.get("start")), fromBeijing(values.get("end"))];
    const words = t("rights.confirm_track", { id, start: String(values.get("start")), end: String(values.get("end")) });
    this.ask(words, () => this.destroyTrack(id, start, end));
  }

  /** The server deletes some at once, each time with a record; it goes on until nothing is left. */
  private async destroyTrack(id: number, start: string, end: string): Promise<void> {
    const records: number[] = [];
    let fixes = 0;
    for (let left = 1; left > 0; ) {
      const gone = await post<Deleted>(`/personal-data/devices/${id}/deletions`, { start, end });
      if (!gone) break;
      ({ left } = gone);
      fixes += gone.fixes;
      records.push(gone.record);
      this.message = t("rights.deleting", { left });
      this.requestUpdate();
    }
    [this.device] = await Promise.all([get<DeviceKept>(`/personal-data/devices/${id}`), this.load()]);
    this.message = t("rights.deleted_track", { fixes, records: records.join(", ") });
  }

  private ask(words: string, act: () => Promise<void>): void {
    this.question = { words, act };
    this.requestUpdate();
    void this.updateComplete.then(() => this.querySelector("dialog")?.showModal());
  }

  private answer(yes: boolean): void {
    const act = this.question?.act;
    this.querySelector("dialog")?.close();
    this.question = null;
    this.requestUpdate();
    if (yes && act) void this.attempt(act);
  }

  override render(): TemplateResult {
    return html`<section class="card" aria-labelledby="rights-title"><h2 id="rights-title">${t("rights.title")}</h2><p class="hint">${t("rights.hint")}</p>
      <div role="alert">${this.failure ? html`<p class="message error">${this.failure}</p>` : nothing}</div>
      <div role="status">${this.message ? html`<p class="message ok">${this.message}</p>` : nothing}</div>
      <h3>${t("rights.caller")}</h3><form @submit=${(event: SubmitEvent) => this.search(event)}>
        <label class="field"><span>${t("rights.words")}</span><input class="input" name="words" autocomplete="off" minlength="2" maxlength="100" required /></label><button class="button">${t("rights.find")}</button></form>
      ${this.calls?.map((one) => this.call(one)) ?? nothing}${this.calls?.length === 0 ? html`<p class="hint">${t("rights.none")}</p>` : nothing}
      <h3>${t("rights.device")}</h3><form @submit=${(event: SubmitEvent) => this.show(event)}>
        <label class="field"><span>${t("rights.device_id")}</span><input class="input" name="device_id" type="number" min="1" inputmode="numeric" required /></label><button class="button">${t("rights.show")}</button></form>
      ${this.device ? this.track(this.device) : nothing}
      ${this.records.length ? this.written() : nothing}
      <dialog class="confirm" aria-labelledby="rights-question" @cancel=${() => this.answer(false)}><p id="rights-question">${this.question?.words}</p>
        <div class="actions"><button class="button" autofocus @click=${() => this.answer(false)}>${t("person.confirm_no")}</button>
          <button class="button grave" @click=${() => this.answer(true)}>${t("person.confirm_yes")}</button></div></dialog></section>`;
  }

  private call(one: CallKept): TemplateResult {
    const id = one.call_id;
    return html`<article aria-label=${id === null ? t("rights.notes") : t("rights.call", { id })}><h4>${id === null ? t("rights.notes") : t("rights.call", { id })}</h4>
      <dl class="facts">${one.said.map(({ place, text }) => html`<dt>${code("rights.place", place)}</dt><dd>${text}</dd>`)}</dl>
      ${id === null ? nothing : html`<form @submit=${(event: SubmitEvent) => this.correct(event, id)}>
        <label class="field"><span>${t("rights.wrong")}</span><input class="input" name="wrong" maxlength="100" .value=${this.words} required /></label>
        <label class="field"><span>${t("rights.right")}</span><input class="input" name="right" maxlength="100" /></label>
        <div class="actions"><button class="button">${t("rights.correct")}</button>
          <button class="button grave" type="button" ?disabled=${one.holds.length > 0} @click=${() => this.ask(t("rights.confirm_call", { id }), () => this.destroyCall(id))}>${t("rights.delete_call")}</button></div></form>
      ${one.holds.map((hold) => html`<p class="message warning">${until(hold)}</p>`)}`}</article>`;
  }

  private track(device: DeviceKept): TemplateResult {
    return html`<dl class="facts">${device.kept.map((one) => html`<dt>${code("rights.table", one.what)}</dt><dd>${one.rows} · ${span(one.first_at, one.last_at)}</dd>`)}
        <dt>${t("rights.who")}</dt><dd>${device.carried.map((one) => html`<span>${one.name} · ${one.call_sign} · ${dayMinute(one.since)} – ${one.until ? dayMinute(one.until) : t("person.now")}</span><br />`)}${device.carried.length ? nothing : "—"}</dd></dl>
      <form @submit=${(event: SubmitEvent) => this.choose(event, device.device_id)}>${momentField("start", t("rights.start"))}${momentField("end", t("rights.end"))}
        <button class="button grave">${t("rights.delete_track")}</button></form>`;
  }

  private written(): TemplateResult {
    return html`<h3>${t("rights.records")}</h3><div class="wide" tabindex="0" role="region" aria-label=${t("rights.records")}><table><thead><tr>
        ${(["record", "at", "what", "rows"] as const).map((head) => html`<th scope="col">${t(`rights.${head}`)}</th>`)}</tr></thead>
      <tbody>${this.records.map((one) => html`<tr><td>${one.id}</td><td class="when">${dayMinute(one.at)}</td><td>${one.what}</td><td>${one.rows}</td></tr>`)}</tbody></table></div>`;
  }
}

customElements.define("tianshu-requests", RequestsCard);
