// `npm run docs`: the guide and the API as one site in docs/api, which works without a network. Any warning is an error.
import { readFileSync } from 'node:fs';

const {
  repository: { url },
} = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));
const repository = url.replace(/^git\+/, '').replace(/\.git$/, '');

const entries = [
  '',
  'files/',
  'interceptors/',
  'monitor/',
  'otel/',
  'node/',
  'shared/',
  'testing/',
  'testing/node/',
  'wire/',
];
// In the order of the lists on these pages.
const pages = ['docs/guide', 'docs/decisions'].flatMap((folder) =>
  [...readFileSync(new URL(`${folder}/README.md`, import.meta.url), 'utf8').matchAll(/\]\(([^)#:]+\.md)\)/g)].map(
    ([, link]) => new URL(`./${folder}/${link}`, 'file:///').pathname.slice(1),
  ),
);

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: 'rxgrid',
  entryPoints: entries.map((folder) => `lib/${folder}index.ts`),
  projectDocuments: [...new Set(pages)],
  plugin: ['./scripts/typedoc-pages.mjs'],
  tsconfig: 'tsconfig.esm.json',
  // A clone may have no remote: links to sources would then be a warning.
  disableGit: true,
  gitRevision: 'main',
  sourceLinkTemplate: `${repository}/blob/{gitRevision}/{path}#L{line}`,
  out: 'docs/api',
  excludeInternal: true,
  excludePrivate: true,
  // What classes inherit from rxjs is documented there.
  excludeExternals: true,
  highlightLanguages: [
    'bash',
    'console',
    'html',
    'javascript',
    'json',
    'nginx',
    'shell',
    'typescript',
    'yaml',
    'docker',
  ],
  searchInDocuments: true,
  searchInComments: true,
  sortEntryPoints: false,
  navigation: { includeGroups: true },
  groupOrder: ['Guide', 'Behind it', 'Decisions', '*'],
  // Links to files and headings: spec/docs checks them, also those to folders.
  validation: { notExported: true, invalidLink: true, invalidPath: false, notDocumented: true },
  // Parts of public types: a user has no reason to name them.
  intentionallyNotExported: [
    'lib/recording/records.ts:extensionNames',
    'lib/endpoint/peers/cluster-calls.ts:Callable',
    'lib/testing/marbles/expectations.ts:Callee',
    'lib/files/file-shapes.ts:CheckedShape',
    'lib/files/file-error.ts:classes',
    'lib/contract/define-error.ts:DataArguments',
    'lib/monitor/describe.ts:Describable',
    'lib/wire/frame.ts:Hash32',
    'lib/contract/handler.ts:Items',
    'lib/contract/connection.ts:Items',
    'lib/testing/frames/frame-matchers.ts:MaybeValue',
    'lib/testing/simulation/fault-plan.ts:MessageFaultKind',
    'lib/files/file-region.ts:OpenRegion',
    'lib/testing/simulation/fault-plan.ts:Pair',
    'lib/codec/region-item.ts:RegionForm',
    'lib/node/files/send/source-file.ts:RegionHandle',
    'lib/files/file-region.ts:RegionObserver',
    'lib/codec/region-item.ts:RegionPort',
    'lib/contract/relayed-route.ts:RelayedCall',
    'lib/contract/group.ts:RequestArguments',
    'lib/contract/group.ts:RoutesOf',
    'lib/testing/simulation/simulation-error.ts:SimulationFailure',
    'lib/wire/slabs.ts:Slabs',
    'lib/transport/socket.ts:SocketRegionWriter',
    'lib/contract/handler.ts:ValueOrPromise',
  ],
  // A class documents its constructor. A property whose name and type say everything needs no sentence.
  requiredToBeDocumented: [
    'Enum',
    'Variable',
    'Function',
    'Class',
    'Interface',
    'TypeAlias',
    'Method',
    'CallSignature',
    'GetSignature',
    'SetSignature',
  ],
  treatWarningsAsErrors: true,
  treatValidationWarningsAsErrors: true,
};
