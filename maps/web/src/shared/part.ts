/** The root of all elements: one style sheet for the whole page (no shadow), drawn again when the language changes. */

import { LitElement } from "lit";
import { prefs } from "./prefs.ts";

export class Part extends LitElement {
  private readonly undo: (() => void)[] = [];

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Run `start` now and what it returns when the element leaves the page. */
  protected whileHere(start: () => () => void): void {
    this.undo.push(start());
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.whileHere(() => prefs.subscribe(() => this.requestUpdate()));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const undo of this.undo.splice(0)) undo();
  }
}

/** Listen and return what stops it. */
export function listen<K extends keyof WindowEventMap>(
  target: Window,
  type: K,
  handler: (event: WindowEventMap[K]) => void,
): () => void {
  target.addEventListener(type, handler);
  return () => target.removeEventListener(type, handler);
}

/** Call `work` every `period_ms` until stopped. */
export function every(period_ms: number, work: () => void): () => void {
  const timer = setInterval(work, period_ms);
  return () => clearInterval(timer);
}
