/** What the build makes, and what browsers have that TypeScript does not know. */
/// <reference types="vite/client" />

declare module "virtual:face-detector" {
  const files: Readonly<Record<"dense" | "sparse", import("./build/face-detector.ts").ModelFile>>;
  export default files;
}

/** Chromium asks before it offers to install. */
interface BeforeInstallPromptEvent extends Event {
  prompt(): Promise<{ readonly outcome: "accepted" | "dismissed" }>;
}

interface WindowEventMap {
  beforeinstallprompt: BeforeInstallPromptEvent;
}
