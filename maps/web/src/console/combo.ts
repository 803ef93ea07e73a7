/**
 * A field with a list of proposals (ARIA combobox): type, move with the arrows, take with Enter or Tab.
 * Proposals come from `find`, at once or later; an older answer never replaces a newer one, and what is taken was
 * proposed for the words that stand in the field.
 */

import { html, nothing, type TemplateResult } from "lit";
import { Part } from "../shared/part.ts";

export interface Option {
  value: string;
  words: string;
  hint: string;
}

const WAIT_MS = 120;
let made = 0;

export class Combo extends Part {
  static override properties = { label: {}, placeholder: {}, text: {}, find: { attribute: false }, name: {} };

  declare label: string;
  declare placeholder: string;
  declare name: string;
  declare text: string;
  declare find: (query: string) => Promise<Option[]> | Option[];
  private readonly list = `combo-${++made}`;
  private options: Option[] = [];
  private active = 0;
  private answered = "";
  private open = false;
  private asked = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    super();
    this.label = this.placeholder = this.text = this.name = "";
    this.find = () => [];
  }

  override focus(): void {
    void this.updateComplete.then(() => this.querySelector("input")?.select());
  }

  private typed(text: string): void {
    this.text = text;
    this.dispatchEvent(new CustomEvent("text", { detail: text }));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(), WAIT_MS);
  }

  private async ask(): Promise<void> {
    const [number, answered] = [++this.asked, this.text];
    const options = await Promise.resolve(this.find(answered)).catch(() => []);
    if (number !== this.asked) return;
    Object.assign(this, { options, answered, active: 0, open: options.length > 0 && this.contains(document.activeElement) });
    this.requestUpdate();
  }

  private take(option: Option | undefined): void {
    clearTimeout(this.timer);
    this.asked += 1;
    this.open = false;
    if (option) {
      this.text = option.words;
      this.dispatchEvent(new CustomEvent("take", { detail: option }));
    }
    this.requestUpdate();
  }

  private async onKey(event: KeyboardEvent): Promise<void> {
    if (event.isComposing || event.ctrlKey || event.altKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      if (!this.open) return this.ask();
      this.active = (this.active + step + this.options.length) % this.options.length;
      this.requestUpdate();
    } else if (event.key === "Enter" || (event.key === "Tab" && this.open)) {
      const ask = !this.open || this.answered !== this.text;
      if (ask || event.key === "Enter") event.preventDefault();
      clearTimeout(this.timer);
      if (ask) await this.ask();
      if (this.answered === this.text) this.take(this.options[this.active]);
    } else if (event.key === "Escape" && this.open) {
      event.stopPropagation();
      this.take(undefined);
    }
  }

  override render(): TemplateResult {
    const active = this.open ? `${this.list}-${this.active}` : nothing;
    return html`<label class="field"><span>${this.label}</span>
      <input class="input" role="combobox" name=${this.name} autocomplete="off" spellcheck="false" placeholder=${this.placeholder}
        aria-expanded=${this.open} aria-controls=${this.list} aria-activedescendant=${active} aria-autocomplete="list" .value=${this.text}
        @input=${(event: InputEvent) => this.typed((event.target as HTMLInputElement).value)}
        @keydown=${(event: KeyboardEvent) => void this.onKey(event)} @blur=${() => this.take(undefined)} /></label>
      <ul class="combo-list" id=${this.list} role="listbox" aria-label=${this.label} ?hidden=${!this.open}>${this.options.map((option, index) => html`<li role="option"
        id="${this.list}-${index}" aria-selected=${index === this.active} @mousedown=${(event: Event) => { event.preventDefault(); this.take(option); }}><b>${option.words}</b><small>${option.hint}</small></li>`)}</ul>`;
  }
}

customElements.define("tianshu-combo", Combo);
