/** What the tests read of the Grafana dashboard. */
import { parse } from 'yaml';
import { read } from '../support/documents.js';

export interface Target {
  readonly expr: string;
  readonly legendFormat: string;
  readonly datasource: { readonly type: string; readonly uid: string };
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly Target[];
}

export interface Dashboard {
  readonly uid: string;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly Panel[];
}

export const DASHBOARD = parse(read('etc/grafana/dashboards/atd-ingestion.json')) as Dashboard;

/** The queries with the panels that they are of. */
export const QUERIES = DASHBOARD.panels.flatMap(({ title, targets }) =>
  targets.map((target) => ({ title, ...target })),
);
