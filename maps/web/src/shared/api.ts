/** One way to the server: JSON over the same origin; what goes wrong becomes a sentence. */

import { fieldsZh } from "../i18n/sentences.fields.zh.ts";
import { code, say, t, type Key, type Told } from "../i18n/index.ts";
import { prefs } from "./prefs.ts";
import type { Page } from "./types.ts";

/** An entry that is not right: the path to it, and the rule it breaks. */
interface Fault {
  where: string;
  told: Told;
}

/** A refusal by the server (RFC 9457) or the lack of one: `status` 0 means nobody answered. */
export class Problem extends Error {
  readonly status: number;
  readonly detail: string;
  /** What the server calls it, such as OutsideCity; empty when it has no name. */
  readonly kind: string;
  /** The step that is left of a sign-in, where that is why the server refused. */
  readonly left: string | null;
  /** The detail for a reader of another language, and what is wrong with each entry. */
  readonly told: Told | null;
  readonly faults: Fault[];

  constructor(status: number, detail: string, more: Partial<Pick<Problem, "kind" | "left" | "told" | "faults">> = {}) {
    super(detail || String(status));
    this.status = status;
    this.detail = detail;
    this.kind = more.kind ?? "";
    this.left = more.left ?? null;
    this.told = more.told ?? null;
    this.faults = more.faults ?? [];
  }
}

const SENTENCES: Record<number, Key> = {
  0: "problem.unreachable",
  401: "problem.signed_out",
  403: "problem.not_allowed",
  404: "problem.not_found",
  409: "problem.conflict",
  422: "problem.invalid",
  429: "problem.too_many",
  503: "problem.unavailable",
};

/**
 * What went wrong, in the reader's language: what the server says; where there are no words for that, what its status
 * means, with the server's own words in brackets.
 */
export function sentence(error: unknown): string {
  if (!(error instanceof Problem)) return t("problem.unknown");
  const said = words(error);
  if (said) return said;
  const known = t(SENTENCES[error.status] ?? "problem.unknown");
  return said === null && error.detail ? t("problem.with_detail", { what: known, detail: error.detail }) : known;
}

/** What the server says, in the reader's language; empty where it says no more than the status, null without words. */
export function words(error: Problem): string | null {
  if (error.kind === "about:blank") return "";
  if (error.faults.length) return prefs.language === "en" ? null : error.faults.map(fault).join("；");
  return error.told && say(error.told);
}

function fault({ where, told }: Fault): string {
  const name = fieldOf(where);
  return t("problem.fault", { field: fieldsZh[name] ?? code("field", name), what: say(told) ?? t("problem.not_right") });
}

/** The name of an entry in a path such as body.text.points.3. */
const fieldOf = (where: string): string => where.split(".").filter((part) => !/^\d+$/.test(part)).pop() ?? where;

async function readProblem(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body !== "object" || body === null || !("detail" in body)) return new Problem(response.status, "");
  const { type, detail, next, told, errors } = body as { type?: string; detail: unknown; next?: string; told?: Told; errors?: Fault[] };
  const more = { kind: type?.replace("urn:tianshu:", "") ?? "", left: next ?? null, told: told ?? null, faults: errors ?? [] };
  return new Problem(response.status, typeof detail === "string" ? detail : "", more);
}

async function send(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<Response> {
  const init: RequestInit = { method, headers: { Accept: "application/json", ...more }, credentials: "same-origin" };
  if (body !== undefined) {
    init.headers = { ...init.headers, "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  const response = await fetch(path, init).catch(() => {
    throw new Problem(0, "");
  });
  if (response.ok) return response;
  const problem = await readProblem(response);
  if (response.status === 401 && path !== "/login") dispatchEvent(new CustomEvent("tianshu:signed-out", { detail: problem.left }));
  throw problem;
}

export async function get<T>(path: string, headers: Record<string, string> = {}): Promise<T> {
  return (await send("GET", path, undefined, headers)).json() as Promise<T>;
}

/** POST; the answer is null when the server has nothing to say (204). */
export async function post<T>(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T | null> {
  const response = await send("POST", path, body ?? {}, headers);
  return response.status === 204 ? null : ((await response.json()) as T);
}

export async function put<T>(path: string, body: unknown = {}): Promise<T | null> {
  const response = await send("PUT", path, body);
  return response.status === 204 ? null : ((await response.json()) as T);
}

export async function patch<T>(path: string, body: unknown): Promise<T> {
  return (await send("PATCH", path, body)).json() as Promise<T>;
}

export async function remove<T>(path: string): Promise<T | null> {
  const response = await send("DELETE", path);
  return response.status === 204 ? null : ((await response.json()) as T);
}

/** Let the browser keep a file, under the name the server gives it. */
export async function save(path: string, headers: Record<string, string> = {}): Promise<void> {
  const response = await send("GET", path, undefined, headers);
  const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1] ?? "tianshu";
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await response.blob()), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** Every item of a paged list. */
export async function all<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const url = new URL(path, location.origin);
    if (cursor !== null) url.searchParams.set("cursor", cursor);
    const page: Page<T> = await get<Page<T>>(url.pathname + url.search);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return items;
}

/** Values as a query string, without the empty ones. */
export function query(values: Record<string, string | number | null | undefined>): string {
  const pairs = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return pairs.length ? `?${new URLSearchParams(pairs.map(([key, value]) => [key, String(value)]))}` : "";
}
