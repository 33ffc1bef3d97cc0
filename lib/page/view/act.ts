/** What people may change from the page, and a button for it. */

export type Act =
  | { readonly kind: 'pause' | 'resume'; readonly tenant: string | null }
  | { readonly kind: 'replay' | 'discard'; readonly letters: readonly string[] }
  | { readonly kind: 'scale'; readonly slots: number }
  | { readonly kind: 'reload' | 'drain' | 'join' };

export interface ActButton {
  readonly text: string;
  /** What it is for, for who hears it without the row that it stands in. */
  readonly label: string;
  readonly act: Act;
}
