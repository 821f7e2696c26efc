/** What this device says of itself, where measurements are read by others. */

export interface Device {
  readonly userAgent: string;
  readonly name: string; // "Chrome 156 on Android 14, Pixel 8"
  readonly cores: number;
  readonly memoryGB?: number; // as rounded by the browser
  readonly isolated: boolean;
  readonly screen: string;
  readonly battery?: string; // "80 %, charging"
}

/** Chromium only. */
interface UserAgentData {
  readonly brands: readonly { readonly brand: string; readonly version: string }[];
  getHighEntropyValues(names: readonly string[]): Promise<Record<string, string | undefined>>;
}
interface Battery {
  readonly level: number;
  readonly charging: boolean;
}
type Told = Navigator & {
  readonly userAgentData?: UserAgentData;
  readonly deviceMemory?: number;
  getBattery?(): Promise<Battery>;
};

export async function thisDevice(): Promise<Device> {
  const told = navigator as Told;
  const battery = await told.getBattery?.().catch(() => undefined);
  return {
    userAgent: navigator.userAgent,
    name: await nameOf(told),
    cores: navigator.hardwareConcurrency || 1,
    memoryGB: told.deviceMemory,
    isolated: crossOriginIsolated,
    screen: `${screen.width} × ${screen.height} at ${devicePixelRatio}`,
    battery:
      battery && `${Math.round(100 * battery.level)} %, ${battery.charging ? "charging" : "on battery"}`,
  };
}

async function nameOf({ userAgentData, userAgent }: Told): Promise<string> {
  if (userAgentData) {
    const { model, platform, platformVersion, architecture } = await userAgentData.getHighEntropyValues([
      ...["model", "platform", "platformVersion", "architecture"],
    ]);
    // Among the names there is one that no browser has, and Chromium's own.
    const real = userAgentData.brands.filter(({ brand }) => !/not.?a.?brand/i.test(brand));
    const brand = real.find(({ brand }) => brand !== "Chromium") ?? real[0];
    const system = [platform, platformVersion].filter(Boolean).join(" ");
    const parts = [
      `${brand?.brand ?? "a browser"} ${brand?.version ?? ""}`.trim(),
      `on ${system}`,
      model,
      architecture,
    ];
    return parts.filter(Boolean).join(", ").replace(", on", " on");
  }
  const found = /(Firefox|Version)\/(\d+)/.exec(userAgent);
  const browser = found ? `${found[1].replace("Version", "Safari")} ${found[2]}` : "a browser";
  return `${browser} on ${/\(([^;)]+)/.exec(userAgent)?.[1] ?? "an unknown system"}`;
}
