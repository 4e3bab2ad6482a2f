import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

const project = resolve(__dirname, '../..');
const read = (name: string): string => readFileSync(join(project, 'examples', name), 'utf8');
const manifests = (): any[] => parseAllDocuments(read('kubernetes/store.yaml')).map((each) => each.toJS() as unknown);
const find = (kind: string): any => manifests().find((each) => each.kind === kind);

// The package with the schemas of Kubernetes is an ES module, which jest does not load.
const validator = `
  import * as core from 'kubernetes-models/v1';
  import * as apps from 'kubernetes-models/apps/v1';
  import * as policy from 'kubernetes-models/policy/v1';
  const kinds = { 'v1': core, 'apps/v1': apps, 'policy/v1': policy };
  let text = '';
  for await (const part of process.stdin) text += part;
  const faults = [];
  for (const manifest of JSON.parse(text)) {
    const Kind = kinds[manifest.apiVersion]?.[manifest.kind];
    try {
      if (Kind === undefined) throw new Error('no such kind');
      new Kind(manifest).validate();
    } catch (error) {
      faults.push(manifest.kind + ': ' + error.message);
    }
  }
  console.log(JSON.stringify(faults));
`;

function faultsOf(documents: readonly unknown[]): string[] {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', validator], {
    cwd: project,
    input: JSON.stringify(documents),
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return JSON.parse(stdout) as string[];
}

function valueOf(env: readonly { readonly name: string; readonly value: string }[], name: string): string {
  return env.find((each) => each.name === name)!.value;
}

describe('the manifests of examples/kubernetes', () => {
  it('are valid by the schemas of Kubernetes, which refuse invalid ones', () => {
    expect(faultsOf(manifests())).toStrictEqual([]);
    const broken = structuredClone(find('StatefulSet'));
    broken.spec.replicas = 'three';
    expect(faultsOf([broken])).toStrictEqual([expect.stringContaining('replicas')]);
  });

  it('refer to each other: names, ports and labels agree', () => {
    const [service, set, budget] = ['Service', 'StatefulSet', 'PodDisruptionBudget'].map(find);
    expect(set.spec.serviceName).toBe(service.metadata.name);
    expect(service.spec).toMatchObject({ clusterIP: 'None', publishNotReadyAddresses: true });
    const { labels } = set.spec.template.metadata;
    for (const selector of [service.spec.selector, set.spec.selector.matchLabels, budget.spec.selector.matchLabels]) {
      expect(labels).toMatchObject(selector);
    }
    const [container] = set.spec.template.spec.containers;
    expect(container.ports).toContainEqual({ name: 'grid', containerPort: service.spec.ports[0].port });
    const replicas = valueOf(container.env, 'REPLICAS');
    expect(replicas).toBe(String(set.spec.replicas));
  });

  it('probe the paths of the grid, and leave time for the drain', () => {
    const { terminationGracePeriodSeconds, containers } = find('StatefulSet').spec.template.spec;
    const [{ livenessProbe, readinessProbe, env, command }] = containers;
    expect(livenessProbe.httpGet.path).toMatch(/\/healthz$/);
    expect(readinessProbe.httpGet.path).toMatch(/\/readyz$/);
    const drain = Number(valueOf(env, 'DRAIN_MS'));
    expect(drain + 2_000).toBeLessThan(terminationGracePeriodSeconds * 1_000);
    expect(command[0]).toBe('node');
  });

  it('permit no more than one host to be unavailable at a time', () => {
    const { maxUnavailable } = find('PodDisruptionBudget').spec;
    expect(maxUnavailable).toBe(1);
    expect(find('StatefulSet').spec.replicas).toBeGreaterThanOrEqual(3);
  });
});

describe('examples/compose.yaml', () => {
  it('stops hosts with SIGTERM, leaves time for a drain, and names them as the host expects', () => {
    const { services } = parse(read('compose.yaml'), { merge: true });
    expect(Object.keys(services)).toStrictEqual(['store-0', 'store-1', 'store-2']);
    for (const [name, service] of Object.entries<any>(services)) {
      expect(service).toMatchObject({ stop_signal: 'SIGTERM', stop_grace_period: '30s' });
      expect(service.environment.POD_NAME).toBe(name);
      expect(service.networks.default.aliases).toStrictEqual([`${name}.store`]);
    }
  });
});

describe('examples/rxgrid-host.service', () => {
  it('stops the host with SIGTERM, and kills it only after its drain', () => {
    const unit = read('rxgrid-host.service');
    expect(unit).toMatch(/^KillSignal=SIGTERM$/m);
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)![1])).toBeGreaterThan(25);
  });
});
