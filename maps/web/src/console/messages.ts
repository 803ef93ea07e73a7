/** BeiDou short messages: what came from cards, and a text to one. */

import { html, nothing, type TemplateResult } from "lit";
import { t } from "../i18n/index.ts";
import { get, post, sentence } from "../shared/api.ts";
import { every, Part } from "../shared/part.ts";
import { clockTime } from "../shared/time.ts";
import type { Page, ShortMessage, UnitOut } from "../shared/types.ts";

const EVERY_MS = 5_000;
const CARD = "rdss:";

interface Card {
  device_id: number;
  number: string;
  words: string;
}

export class Messages extends Part {
  private messages: ShortMessage[] = [];
  private cards: Card[] = [];
  private failure = "";
  private busy = false;

  override connectedCallback(): void {
    super.connectedCallback();
    this.whileHere(() => every(EVERY_MS, () => void this.load()));
    void this.load();
    void this.loadCards();
  }

  private async load(): Promise<void> {
    try {
      this.messages = (await get<Page<ShortMessage>>("/messages?limit=100")).items;
      this.failure = "";
    } catch (error) {
      this.failure = sentence(error);
    }
    this.requestUpdate();
  }

  /** Devices that have a card, named by their unit where one carries them. */
  private async loadCards(): Promise<void> {
    const [devices, units] = await Promise.all([get<Page<{ id: number; phone: string }>>("/devices?limit=1000"), get<Page<UnitOut>>("/units?limit=5000")]).catch(() => [{ items: [] }, { items: [] }]);
    const signs = new Map(units.items.map((unit) => [unit.device_id, unit.call_sign]));
    this.cards = devices.items.filter((device) => device.phone.startsWith(CARD)).map((device) => {
      const number = device.phone.slice(CARD.length);
      return { device_id: device.id, number, words: signs.get(device.id) ?? number };
    });
    this.requestUpdate();
  }

  private async send(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const said = new FormData(form);
    const text = String(said.get("text")).trim();
    if (!text) return;
    this.busy = true;
    this.requestUpdate();
    try {
      await post("/messages", { device_id: Number(said.get("card")), text });
      form.querySelector<HTMLInputElement>("[name=text]")!.value = "";
      await this.load();
    } catch (error) {
      this.failure = sentence(error);
    }
    this.busy = false;
    this.requestUpdate();
  }

  /** The unit that carried the card then, which need not be the one that carries it now. */
  private name(message: ShortMessage): string {
    return message.call_sign ?? this.cards.find((card) => card.device_id === message.device_id)?.number ?? `#${message.device_id}`;
  }

  override render(): TemplateResult {
    return html`${this.cards.length ? this.form() : nothing}
      ${this.failure ? html`<p class="message error" role="alert">${this.failure}</p>` : nothing}
      ${this.messages.length ? html`<ul class="message-list" tabindex="0" aria-label=${t("live.messages")}>${this.messages.map((message) => this.item(message))}</ul>` : html`<div class="empty">${t("message.none")}</div>`}`;
  }

  private item(message: ShortMessage): TemplateResult {
    const state = message.direction === "in" ? t("message.in") : t(message.sent_at ? "message.sent" : "message.waiting");
    return html`<li data-direction=${message.direction}><p><b>${this.name(message)}</b><small>${state}${t("list.dot")}${clockTime(Date.parse(message.at))}</small></p>
      <p>${message.text ?? t("message.no_text")}${message.calls_for_help ? html` <span class="tag danger">SOS</span>` : nothing}</p></li>`;
  }

  private form(): TemplateResult {
    return html`<form class="message-form" @submit=${(event: SubmitEvent) => void this.send(event)}>
      <select class="input" name="card" aria-label=${t("message.to")}>${this.cards.map((card) => html`<option value=${card.device_id}>${card.words}</option>`)}</select>
      <input class="input" name="text" maxlength="500" autocomplete="off" aria-label=${t("message.text")} placeholder=${t("message.text")} />
      <button class="button primary" ?disabled=${this.busy}>${t("message.send")}</button></form>`;
  }
}

customElements.define("tianshu-messages", Messages);
