/** Language and theme: chosen once, remembered by the browser, told to everything on screen. */

export type Language = "zh" | "en";
export type Theme = "light" | "dark";
export type ThemeChoice = Theme | "system";

const darkScreen = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function remembered<T extends string>(key: string, allowed: readonly T[], otherwise: T): T {
  const value = localStorage.getItem(key) as T | null;
  return value !== null && allowed.includes(value) ? value : otherwise;
}

class Preferences {
  language: Language = remembered("tianshu.language", ["zh", "en"], "zh");
  themeChoice: ThemeChoice = remembered("tianshu.theme", ["light", "dark", "system"], "system");

  get theme(): Theme {
    if (this.themeChoice !== "system") return this.themeChoice;
    return darkScreen.matches ? "dark" : "light";
  }

  setLanguage(language: Language): void {
    this.language = language;
    localStorage.setItem("tianshu.language", language);
    this.apply();
  }

  setTheme(choice: ThemeChoice): void {
    this.themeChoice = choice;
    localStorage.setItem("tianshu.theme", choice);
    this.apply();
  }

  /** Write the choice on the document and tell everyone who asked. */
  apply(): void {
    document.documentElement.lang = this.language === "zh" ? "zh-CN" : "en";
    document.documentElement.dataset["theme"] = this.theme;
    for (const listener of listeners) listener();
  }

  subscribe(listener: () => void): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }
}

export const prefs = new Preferences();
darkScreen.addEventListener("change", () => prefs.apply());
