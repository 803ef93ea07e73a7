/** Server-sent events over fetch: resumes with Last-Event-ID whatever ended the connection, and says how it stands. */

import { Problem } from "./api.ts";

export type Connection = { state: "connecting" | "live" | "lost"; since_ms: number };

const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];
/** The server sends at least a comment every 15 s; twice that without a byte means the line is dead. */
const SILENCE_MS = 30_000;
/** The server ends every stream after a while to ask for the right to look anew: an end after this long is no loss. */
const ORDERLY_MS = 5_000;

interface Message {
  event: string;
  data: string;
  id: string | null;
}

/** Split a text stream into messages (HTML standard, 9.2.6), whatever the pieces it comes in. */
export class MessageParser {
  private buffer = "";

  push(text: string): Message[] {
    this.buffer += text.replaceAll("\r\n", "\n");
    const blocks = this.buffer.split("\n\n");
    this.buffer = blocks.pop() ?? "";
    return blocks.map(parseBlock).filter((message) => message.data !== "");
  }
}

function parseBlock(block: string): Message {
  const message: Message = { event: "message", data: "", id: null };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const value = line.slice(colon + 1).replace(/^ /, "");
    const field = line.slice(0, colon);
    if (field === "data") data.push(value);
    else if (field === "event") message.event = value;
    else if (field === "id") message.id = value;
  }
  message.data = data.join("\n");
  return message;
}

export class Stream {
  connection: Connection = { state: "connecting", since_ms: Date.now() };
  private lastId: string | null = null;
  private stopped = new AbortController();
  private failures = 0;

  constructor(
    private readonly path: string,
    private readonly onMessage: (event: string, data: unknown) => void,
    private readonly onConnection: (connection: Connection) => void,
  ) {}

  start(): () => void {
    const cut = (): void => this.line?.abort();
    const wake = (): void => this.wake();
    addEventListener("offline", cut);
    addEventListener("online", wake);
    void this.run();
    return () => {
      removeEventListener("offline", cut);
      removeEventListener("online", wake);
      this.stopped.abort();
      this.line?.abort();
    };
  }

  private line: AbortController | null = null;
  private wake: () => void = () => undefined;

  private async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      const opened_ms = Date.now();
      try {
        await this.readOnce();
        if (Date.now() - opened_ms > ORDERLY_MS) continue;
      } catch (error) {
        if (error instanceof Problem && error.status === 401) return;
      }
      if (this.stopped.signal.aborted) return;
      this.tell("lost");
      const wait_ms = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)] ?? 8_000;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, wait_ms);
      });
    }
  }

  private async readOnce(): Promise<void> {
    const line = (this.line = new AbortController());
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (this.lastId !== null) headers["Last-Event-ID"] = this.lastId;
    const response = await fetch(this.path, { headers, signal: line.signal, cache: "no-store" });
    if (response.status === 401) {
      dispatchEvent(new CustomEvent("tianshu:signed-out"));
      throw new Problem(401, "");
    }
    if (!response.ok || response.body === null) throw new Problem(response.status, "");
    this.failures = 0;
    this.tell("live");
    await this.readBody(response.body, line);
  }

  private async readBody(body: ReadableStream<Uint8Array>, line: AbortController): Promise<void> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    const parser = new MessageParser();
    for (;;) {
      const watchdog = setTimeout(() => line.abort(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(watchdog));
      if (done) return;
      for (const message of parser.push(decoder.decode(value, { stream: true }))) {
        this.onMessage(message.event, JSON.parse(message.data));
        if (message.id !== null) this.lastId = message.id;
      }
    }
  }

  private tell(state: Connection["state"]): void {
    if (state === this.connection.state) return;
    this.connection = { state, since_ms: Date.now() };
    this.onConnection(this.connection);
  }
}
