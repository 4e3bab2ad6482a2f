/**
 * Tests of your flows on virtual time: two ends linked in memory, or managers as a mesh, with marbles for Observables
 * and for the frames on the wire, and with faults. A minute of a cluster takes milliseconds. It depends on no test
 * framework.
 *
 * @packageDocumentation
 */

export { gridTest } from './grid-test.js';
export type { GridTestBody, GridTestContext, GridTestOptions } from './grid-test-context.js';
export { GridSeedError } from './grid-seed-error.js';

export { VirtualClock, type VirtualClockOptions } from './time/virtual-clock.js';
export { MachineClock } from './time/machine-clock.js';
export { installVirtualTime } from './time/virtual-globals.js';
export { schedulerRuntime, type SchedulerRuntimeOptions } from './time/scheduler-runtime.js';
export { SeededRandom } from './seeded-random.js';

export { simulate, type SimulationOptions, type SimulationReport } from './simulation/simulate.js';
export { specText, type SpecTextOptions } from './simulation/spec-text.js';
export { SimulationError } from './simulation/simulation-error.js';
export type { Simulation, StartedFault, Workload } from './simulation/workload.js';
export type { Liveness } from './simulation/liveness.js';
export type { Invariant } from './simulation/invariant.js';
export type { Step } from './simulation/plan.js';
export type { FaultKind, FaultMix, FaultStep } from './simulation/fault-plan.js';

export { History, type Checker, type HistoryEntry, type OpenEntry, type Outcome } from './checkers/history.js';
export type { Model } from './checkers/model.js';
export { linearizable, type LinearizableOptions } from './checkers/linearizable.js';
export { noLostUpdate, type NoLostUpdateOptions } from './checkers/no-lost-update.js';
export { eventuallyAgree } from './checkers/eventually-agree.js';
export { monotonicReads, type MonotonicReadsOptions } from './checkers/monotonic-reads.js';

export type { FlowCluster, FlowClusterOptions, FlowContext, FlowHost } from './flow-context.js';
export { GridLink, type LinkEnd, type LinkOptions } from './network/link.js';
export type { PeerKind } from './network/peer-kind.js';
export { Cluster, type ClusterEvent, type ClusterOptions } from './network/cluster.js';
export type { ClusterHost } from './network/cluster-host.js';
export type { ClusterLeaf } from './network/cluster-leaf.js';
export { shortName, type MemoryNetwork } from './network/memory-network.js';
export type { Cable } from './network/cable.js';
export type { FaultCable, FaultHost, FaultParty, FaultTarget } from './network/fault-target.js';
export type { LineOptions } from './network/lane.js';

export { Faults } from './network/faults.js';
export { LineFaults, type FaultClock } from './network/line-faults.js';
export { Disk } from './network/disk.js';
export type { Fault } from './network/fault.js';
export type {
  ClockFaultOptions,
  DirectionFaultOptions,
  FaultOptions,
  LineFaultOptions,
  MessageFaultOptions,
  PartitionOptions,
  RestartOptions,
  SliceFaultOptions,
} from './network/fault-options.js';
export { MessageFaults, type MessageFault, type MessageInFlight } from './network/message-fault.js';

export type { KnownRoute } from './frames/known-route.js';
export { RouteBook } from './frames/route-book.js';
export { frameText, readWire, transcript, type WireEvent, type WireFrame } from './frames/transcript.js';
export type { Fate, LogEntry, WireLog } from './frames/wire-log.js';
export { frames } from './frames/frames.js';
export type { FrameDetails, FrameMatcher } from './frames/frame-matchers.js';
export { frame, fromCaller, fromResponder, messageOf, payload, type FrameFields } from './frames/frame-builders.js';

export type {
  Expectations,
  FramesExpectation,
  FramesOptions,
  ObservableExpectation,
  SubscriptionsExpectation,
} from './marbles/expectations.js';
export { coldMarbles, hotMarbles, MarbleObservable } from './marbles/marble-sources.js';
export type { MarbleValues, SubscriptionTimes } from './marbles/marbles.js';
export { GridAssertionError } from './marbles/assertion.js';
export { anError, equal, like } from './marbles/equality.js';
export { inspect, type AsymmetricMatcher } from './marbles/inspect.js';

export { replay, type Replay, type ReplayOptions, type ReplayReport } from './replay/replay.js';
export type { CallOutcome, ReplayedCall } from './replay/replayed-call.js';
export { readRecording, RecordingError, type ReadRecordingOptions } from '../recording/index.js';
export type {
  By,
  CallEnd,
  ClosedRecord,
  EndRecord,
  ExtensionName,
  FrameRecord,
  GapRecord,
  OpenCall,
  OpenedRecord,
  Recording,
  RecordingHeader,
  RouteRecord,
  WireRecord,
} from '../recording/index.js';
