/** The frame around the pages: who is signed in, which page is open, the bar, the banner, the list of keys. */

import { html, nothing, type TemplateResult } from "lit";
import { code, t, type Key } from "../i18n/index.ts";
import { get, post, Problem, sentence } from "../shared/api.ts";
import { icon, type IconName } from "../shared/icons.ts";
import { every, listen, Part } from "../shared/part.ts";
import { prefs, type ThemeChoice } from "../shared/prefs.ts";
import type { Connection } from "../shared/stream.ts";
import { clockMinute, clockTime, beijingDay } from "../shared/time.ts";
import { session } from "../shared/session.ts";
import type { Me } from "../shared/types.ts";
import { keyList } from "./keys.ts";
import markUrl from "./mark.svg";

interface PageEntry {
  act: string;
  title: Key;
  load: () => Promise<unknown>;
  view: () => TemplateResult;
  /** A page without the frame: the phone, the wall, the map in a window of its own. */
  bare?: boolean;
  /** Not in the bar: reached from elsewhere. */
  aside?: boolean;
}

const PHONE_PX = 640;
const HEARD_EVERY_MS = 5 * 60_000;

/** Everybody's own page; it stands in the menu of the account, and comes first for who may open no other. */
const SECURITY = "/security";

const PAGES: Record<string, PageEntry> = {
  "/": { act: "view_live", title: "nav.live", load: () => import("../live/page.ts"), view: () => html`<tianshu-live></tianshu-live>` },
  "/officer": { act: "serve", title: "nav.officer", bare: true, load: () => import("../officer/page.ts"), view: () => html`<tianshu-officer></tianshu-officer>` },
  "/wall": { act: "view_live", title: "nav.wall", bare: true, aside: true, load: () => import("../wall/page.ts"), view: () => html`<tianshu-wall></tianshu-wall>` },
  "/map": { act: "view_live", title: "nav.map", bare: true, aside: true, load: () => import("../live/page.ts"), view: () => html`<tianshu-live map-only></tianshu-live>` },
  "/replay": { act: "view_track", title: "nav.replay", load: () => import("../replay/page.ts"), view: () => html`<tianshu-replay></tianshu-replay>` },
  "/patrols": { act: "view_patrols", title: "nav.patrols", load: () => import("../patrols/page.ts"), view: () => html`<tianshu-patrols></tianshu-patrols>` },
  "/reports": { act: "view_reports", title: "nav.reports", load: () => import("../reports/page.ts"), view: () => html`<tianshu-reports></tianshu-reports>` },
  "/hotspots": { act: "view_parks", title: "nav.hotspots", load: () => import("../hotspots/page.ts"), view: () => html`<tianshu-hotspots></tianshu-hotspots>` },
  "/operator": { act: "view_devices", title: "nav.operator", load: () => import("../operator/page.ts"), view: () => html`<tianshu-operator></tianshu-operator>` },
  "/audit": { act: "view_audit", title: "nav.audit", load: () => import("../audit/page.ts"), view: () => html`<tianshu-audit></tianshu-audit>` },
  "/cases": { act: "view_cases", title: "nav.cases", load: () => import("../cases/page.ts"), view: () => html`<tianshu-cases></tianshu-cases>` },
  "/downloads": { act: "view_exports", title: "nav.downloads", load: () => import("../exports/page.ts"), view: () => html`<tianshu-exports></tianshu-exports>` },
  "/administration": { act: "view_accounts", title: "nav.administration", load: () => import("../admin/page.ts"), view: () => html`<tianshu-administration></tianshu-administration>` },
  [SECURITY]: { act: "manage_own_sessions", title: "nav.security", load: () => import("../session/security.ts"), view: () => html`<tianshu-security></tianshu-security>` },
};

const THEMES: [ThemeChoice, Key, IconName][] = [
  ["light", "shell.theme_light", "sun"],
  ["dark", "shell.theme_dark", "moon"],
  ["system", "shell.theme_system", "screen"],
];

/** The pages the signed-in officer may open. */
const permitted = (): [string, PageEntry][] => Object.entries(PAGES).filter(([, page]) => session.may(page.act));

/** Where somebody begins who named no page: an officer with a phone at his call, a wall at the wall. */
function firstPage(): string {
  const { me } = session;
  if (me?.roles.length === 1 && me.roles[0] === "wall") return "/wall";
  return innerWidth <= PHONE_PX && session.may("serve") && !session.may("dispatch") ? "/officer" : "/";
}

export class App extends Part {
  private path = location.pathname;
  /** The page that stands here until the one at `path` is loaded; none at first. */
  private shown: string | null = null;
  private ready = false;
  private failure = "";
  private left: string | null = null;
  private menuOpen = false;
  private connection: Connection | null = null;
  private resumedUntil_ms = 0;
  private heard_ms = Date.now();

  override connectedCallback(): void {
    super.connectedCallback();
    const on = (type: string, handler: (event: CustomEvent) => void): void =>
      this.whileHere(() => listen(window, type as "focus", handler as unknown as (event: FocusEvent) => void));
    on("tianshu:signed-out", (event) => this.signedOut((event.detail as string | null) ?? null));
    on("tianshu:signed-in", () => void this.start());
    on("tianshu:connection", (event) => this.connected(event.detail as Connection | null));
    this.whileHere(() => listen(window, "popstate", () => void this.open(location.pathname + location.search, false)));
    this.whileHere(() => listen(window, "keydown", (event) => this.onKey(event)));
    this.whileHere(() => listen(window, "click", (event) => this.onClick(event)));
    this.whileHere(() => every(1_000, () => this.requestUpdate()));
    for (const type of ["tianshu:show-alert", "tianshu:call-from-alert"]) on(type, (event) => void this.toLive(event));
    for (const type of ["pointerdown", "keydown"] as const) this.whileHere(() => listen(window, type, () => this.touched()));
    void this.start();
  }

  private async start(): Promise<void> {
    try {
      session.me = await get<Me>("/me");
      this.failure = "";
      const target = this.path === "/login" ? (new URLSearchParams(location.search).get("next") ?? firstPage()) : location.pathname + location.search;
      if (session.may("handle_alerts")) void import("../console/index.ts").then(() => import("../console/guard.ts"));
      await this.open(target.startsWith("/") && !target.startsWith("//") ? target : "/", this.path === "/login");
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return;
      this.failure = sentence(error);
      this.requestUpdate();
    }
  }

  /** A map that is moved asks the server for nothing: say now and then that somebody is here, or the session idles out. */
  private touched(): void {
    if (!session.me || Date.now() - this.heard_ms < HEARD_EVERY_MS) return;
    this.heard_ms = Date.now();
    void get("/me").catch(() => null);
  }

  /** `left`: the step of a sign-in that was begun and not finished. */
  private signedOut(left: string | null): void {
    this.left = left;
    const here = this.path + location.search;
    session.me = null;
    this.ready = true;
    this.connection = this.shown = null;
    if (this.path !== "/login") history.replaceState(null, "", here === "/" ? "/login" : `/login?next=${encodeURIComponent(here)}`);
    this.path = "/login";
    void import("../session/login.ts").then(() => this.requestUpdate());
  }

  /** Show an alert of the guard on the live map, going there first. */
  private async toLive(event: Event): Promise<void> {
    if (this.path === "/") return;
    await this.open("/", true);
    await this.updateComplete;
    dispatchEvent(new CustomEvent(event.type, { detail: (event as CustomEvent).detail }));
  }

  private async open(target: string, push: boolean): Promise<void> {
    const url = new URL(target, location.origin);
    const [path = "/", page] = permitted().find(([known]) => known === url.pathname) ?? permitted()[0] ?? [];
    this.failure = page ? "" : t("problem.no_pages");
    if (path !== url.pathname) history.replaceState(null, "", path);
    else if (push) history.pushState(null, "", path + url.search);
    this.path = path;
    this.requestUpdate();
    await page?.load();
    if (this.path !== path) return; // gone elsewhere while it loaded
    // Only now: the page being left may hear its stream open while the next one loads.
    if (this.shown !== path) this.connection = null;
    this.shown = path;
    this.ready = true;
    this.requestUpdate();
  }

  private connected(connection: Connection | null): void {
    const was = this.connection?.state;
    this.connection = connection;
    if (was === "lost" && connection?.state === "live") this.resumedUntil_ms = Date.now() + 4_000;
    this.requestUpdate();
  }

  private onClick(event: MouseEvent): void {
    const target = event.target as Element;
    if (this.menuOpen && !target.closest(".menu")) this.toggleMenu(false);
    const link = target.closest<HTMLAnchorElement>("a[data-page]");
    if (!link || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    void this.open(link.pathname + link.search, true);
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.menuOpen) this.toggleMenu(false);
    const typing = (event.target as Element).closest("input, select, textarea");
    if (event.key === "?" && !typing && session.me) this.showKeys();
  }

  private toggleMenu(open: boolean): void {
    this.menuOpen = open;
    this.requestUpdate();
  }

  private showKeys(): void {
    this.querySelector<HTMLDialogElement>("dialog.keys-dialog")?.showModal();
  }

  private async signOut(): Promise<void> {
    await post("/logout").catch(() => null);
    this.menuOpen = false;
    location.assign("/login");
  }

  override render(): TemplateResult {
    document.title = session.me ? `${t(PAGES[this.path]?.title ?? "nav.live")} · 天枢 Tianshu` : `${t("login.title")} · 天枢 Tianshu`;
    this.classList.toggle("signed-in", session.me !== null);
    if (this.failure) return this.failed();
    if (!this.ready || (session.me && !this.shown)) return html`<main><div class="empty" role="status"><span class="spinner"></span><span class="visually-hidden">${t("live.loading")}</span></div></main>`;
    if (!session.me) return html`<main><tianshu-login .left=${this.left}></tianshu-login></main>`;
    const page = PAGES[this.shown ?? ""];
    this.classList.toggle("bare", page?.bare ?? false);
    return html`${page?.bare ? nothing : html`<a class="skip" href="#main">${t("app.skip")}</a>${this.bar(session.me)}`}${this.banner()}
      <main id="main" tabindex="-1">${page?.view()}</main>${keyList()}${session.may("handle_alerts") ? html`<tianshu-guard></tianshu-guard>` : nothing}`;
  }

  private failed(): TemplateResult {
    return html`<main><div class="empty"><p class="message error" role="alert">${this.failure}</p>
      <button class="button" @click=${() => void this.start()}>${t("problem.retry")}</button>
      ${session.me ? html`<button class="button" @click=${() => void this.signOut()}>${t("shell.sign_out")}</button>` : nothing}</div></main>`;
  }

  private bar(me: Me): TemplateResult {
    const now = Date.now();
    return html`<header class="bar">
      <a class="brand" href="/" data-page><img src=${markUrl} alt="" /><b>天枢</b><small>Tianshu</small></a>
      <nav aria-label=${t("nav.label")}>${permitted().filter(([path, page]) => path !== SECURITY && !page.aside).map(([path, page]) =>
        html`<a href=${path} data-page aria-current=${path === this.path ? "page" : nothing}>${t(page.title)}</a>`)}</nav>
      <span class="space"></span>
      ${this.connection ? html`<span class="link-state" data-state=${this.connection.state} role="status">${t(`connection.${this.connection.state}`)}</span>` : nothing}
      <time class="clock" title=${t("shell.beijing_time")}><span class="visually-hidden">${t("shell.beijing_time")}</span>${clockTime(now)}<small>${beijingDay(now)}</small></time>
      <button class="icon-button keys-button" aria-label=${t("shell.keys")} title=${t("shell.keys")} @click=${() => this.showKeys()}>${icon("keyboard")}</button>
      <button class="bar-button" lang=${prefs.language === "zh" ? "en" : "zh-CN"} aria-label=${t("shell.language_label")} @click=${() => prefs.setLanguage(prefs.language === "zh" ? "en" : "zh")}>${t("shell.language")}</button>
      ${this.menu(me)}
    </header>`;
  }

  private menu(me: Me): TemplateResult {
    return html`<div class="menu">
      <button class="icon-button" aria-label=${t("shell.user")} title=${me.display_name} aria-expanded=${this.menuOpen} @click=${() => this.toggleMenu(!this.menuOpen)}>${icon("user")}</button>
      ${this.menuOpen ? html`<div class="popup">
        <div class="who"><b>${me.display_name}</b><span>${me.roles.map((role) => code("role", role)).join(" · ")}</span></div>
        <h3 id="theme-label">${t("shell.theme")}</h3>
        <div class="segmented" role="group" aria-labelledby="theme-label">${THEMES.map(([choice, words, name]) =>
          html`<button aria-pressed=${prefs.themeChoice === choice} @click=${() => prefs.setTheme(choice)}>${icon(name)}${t(words)}</button>`)}</div>
        <a class="button" href=${SECURITY} data-page @click=${() => this.toggleMenu(false)}>${t("nav.security")}</a>
        <button class="button" @click=${() => void this.signOut()}>${t("shell.sign_out")}</button>
      </div>` : nothing}
    </div>`;
  }

  private banner(): TemplateResult {
    if (this.connection?.state === "lost") {
      return html`<div class="banner" role="alert">${icon("offline")}${t("connection.lost_since", { time: clockMinute(this.connection.since_ms) })}</div>`;
    }
    if (Date.now() < this.resumedUntil_ms) return html`<div class="banner ok" role="status">${icon("check")}${t("connection.resumed")}</div>`;
    return html``;
  }
}

customElements.define("tianshu-app", App);
