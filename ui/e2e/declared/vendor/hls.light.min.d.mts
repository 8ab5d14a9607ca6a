// What the console uses of the vendored hls.js, whose file has no types.
export class Player {
  static isSupported(): boolean;
  static Events: { MANIFEST_PARSED: "hlsManifestParsed"; LEVEL_LOADED: "hlsLevelLoaded"; ERROR: "hlsError" };
  static ErrorTypes: { NETWORK_ERROR: "networkError"; MEDIA_ERROR: "mediaError" };
  constructor(options: object);
  on(event: "hlsManifestParsed", listener: () => void): void;
  on(event: "hlsLevelLoaded", listener: (event: string, data: { details: { fragments: Fragment[] } }) => void): void;
  on(event: "hlsError", listener: (event: string, data: Fault) => void): void;
  loadSource(url: string): void;
  attachMedia(media: HTMLMediaElement): void;
  startLoad(at?: number): void;
  recoverMediaError(): void;
  destroy(): void;
  readonly latency: number;
  readonly targetLatency: number | null;
  readonly liveSyncPosition: number | null;
  readonly latestLevelDetails: { partList: object[] | null } | null;
}
export interface Fault { type: string; details: string; fatal: boolean; response?: { code: number }; frag?: Fragment }
export interface Fragment { start: number; duration: number; programDateTime: number | null; relurl?: string; url: string }
export default Player;
