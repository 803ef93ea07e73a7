/**
 * Sounds, made by WebAudio: no file is loaded. A call rings twice, an alert once, an SOS is a siren until somebody
 * acknowledges it. All but the SOS can be muted. A browser plays nothing before the first key or click of a page.
 */

type Tone = { hz: number; at_s: number; for_s: number };

const TONES: Record<"call" | "alert" | "late" | "sos", Tone[]> = {
  call: [{ hz: 880, at_s: 0, for_s: 0.14 }, { hz: 1175, at_s: 0.18, for_s: 0.2 }],
  alert: [{ hz: 660, at_s: 0, for_s: 0.22 }],
  late: [{ hz: 520, at_s: 0, for_s: 0.12 }, { hz: 520, at_s: 0.2, for_s: 0.12 }, { hz: 520, at_s: 0.4, for_s: 0.12 }],
  sos: [{ hz: 950, at_s: 0, for_s: 0.28 }, { hz: 640, at_s: 0.3, for_s: 0.28 }, { hz: 950, at_s: 0.6, for_s: 0.28 }, { hz: 640, at_s: 0.9, for_s: 0.28 }],
};
export type Sound = keyof typeof TONES;
const LOUDNESS = 0.16;
const SIREN_MS = 2_000;

class Sounds extends EventTarget {
  muted = false;
  private context: AudioContext | null = null;
  private siren: ReturnType<typeof setInterval> | null = null;

  /** Whether the browser still waits for a key or a click before it lets a page be heard. */
  get waiting(): boolean {
    return this.context?.state !== "running";
  }

  constructor() {
    super();
    for (const type of ["keydown", "pointerdown"] as const) addEventListener(type, () => void this.wake(), { capture: true });
  }

  private async wake(): Promise<void> {
    this.context ??= new AudioContext();
    if (this.context.state === "running") return;
    await this.context.resume();
    this.dispatchEvent(new Event("change"));
  }

  setMuted(muted: boolean): void {
    this.muted = muted;
    this.dispatchEvent(new Event("change"));
  }

  play(sound: Sound): void {
    if ((this.muted && sound !== "sos") || !this.context) return;
    for (const tone of TONES[sound]) this.tone(this.context, tone);
  }

  /** Let the siren sound until told otherwise. */
  alarm(on: boolean): void {
    if (on === (this.siren !== null)) return;
    if (this.siren !== null) clearInterval(this.siren);
    this.siren = on ? setInterval(() => this.play("sos"), SIREN_MS) : null;
    if (on) this.play("sos");
  }

  private tone(context: AudioContext, { hz, at_s, for_s }: Tone): void {
    const start_s = context.currentTime + at_s;
    const oscillator = new OscillatorNode(context, { type: "triangle", frequency: hz });
    const volume = new GainNode(context, { gain: 0 });
    volume.gain.setValueAtTime(0, start_s);
    volume.gain.linearRampToValueAtTime(LOUDNESS, start_s + 0.015);
    volume.gain.setValueAtTime(LOUDNESS, start_s + for_s - 0.03);
    volume.gain.linearRampToValueAtTime(0, start_s + for_s);
    oscillator.connect(volume).connect(context.destination);
    oscillator.start(start_s);
    oscillator.stop(start_s + for_s);
  }
}

export const sounds = new Sounds();
