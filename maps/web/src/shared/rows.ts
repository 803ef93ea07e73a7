/** A list that draws only the rows in sight: ten thousand units cost as much as ten. */

import { html, type PropertyValues, type TemplateResult } from "lit";
import { styled } from "./styled.ts";
import { Part } from "./part.ts";

const MARGIN_ROWS = 4;

export interface Keyed {
  id: number;
}

export class Rows<T extends Keyed> extends Part {
  static override properties = { items: { attribute: false }, row: { attribute: false }, selected: { attribute: false }, label: {}, rowHeight: { attribute: false } };

  declare items: readonly T[];
  declare row: (item: T) => TemplateResult;
  declare selected: number | null;
  declare label: string;
  declare rowHeight: number;
  private active: number | null = null;
  private readonly resize = new ResizeObserver(() => this.requestUpdate());

  constructor() {
    super();
    this.items = [];
    this.selected = null;
    this.label = "";
    this.rowHeight = 64;
    this.row = () => html``;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.whileHere(() => {
      this.resize.observe(this);
      return () => this.resize.disconnect();
    });
  }

  private get box(): HTMLElement | null {
    return this.querySelector(".rows");
  }

  /** Move the cursor by so many rows and keep it in sight. */
  move(by: number): void {
    const from = this.items.findIndex((item) => item.id === (this.active ?? this.selected));
    const to = Math.max(0, Math.min(this.items.length - 1, from + by));
    this.active = this.items[to]?.id ?? null;
    this.reveal(to);
    this.requestUpdate();
  }

  /** Choose the row under the cursor. */
  pickActive(): void {
    if (this.active !== null) this.pick(this.active);
  }

  private pick(id: number): void {
    this.active = id;
    this.dispatchEvent(new CustomEvent("pick", { detail: id, bubbles: true }));
    this.requestUpdate();
  }

  private reveal(index: number): void {
    const box = this.box;
    if (!box) return;
    const top = index * this.rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + this.rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + this.rowHeight - box.clientHeight;
  }

  override willUpdate(changed: PropertyValues): void {
    if (changed.has("selected") && this.selected !== null) this.active = this.selected;
  }

  override updated(changed: PropertyValues): void {
    if (changed.has("selected") && this.selected !== null) this.reveal(this.items.findIndex((item) => item.id === this.selected));
  }

  private onKey(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor((this.box?.clientHeight ?? 0) / this.rowHeight) - 1);
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (step !== undefined) this.move(step);
    else if (event.key === "Enter") this.pickActive();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  override render(): TemplateResult {
    const box = this.box;
    const first = Math.max(0, Math.floor((box?.scrollTop ?? 0) / this.rowHeight) - MARGIN_ROWS);
    const inSight = Math.ceil((box?.clientHeight ?? 800) / this.rowHeight) + 2 * MARGIN_ROWS;
    const shown = this.items.slice(first, first + inSight);
    return html`<div class="rows" role="listbox" tabindex="0" aria-label=${this.label}
        aria-activedescendant=${this.active === null ? "" : `${this.label}-${this.active}`}
        @scroll=${() => this.requestUpdate()} @keydown=${(event: KeyboardEvent) => this.onKey(event)}>
      <div class="rows-space" role="presentation" ${styled({ height: `${this.items.length * this.rowHeight}px` })}>
        ${shown.map((item, i) => this.line(item, first + i))}
      </div></div>`;
  }

  private line(item: T, index: number): TemplateResult {
    return html`<div class="row" role="option" id=${`${this.label}-${item.id}`} data-id=${item.id}
      aria-selected=${item.id === this.selected} ?data-active=${item.id === this.active}
      aria-posinset=${index + 1} aria-setsize=${this.items.length}
      ${styled({ height: `${this.rowHeight}px`, transform: `translateY(${index * this.rowHeight}px)` })}
      @click=${() => this.pick(item.id)}>${this.row(item)}</div>`;
  }
}

customElements.define("tianshu-rows", Rows);
