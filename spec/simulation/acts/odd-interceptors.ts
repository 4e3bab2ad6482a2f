import { concat, EMPTY, Observable, timer, mergeMap } from 'rxjs';
import { type, unary, type Manager } from '../../../lib/index.js';
import type { CallInterceptor, HandlerInterceptor } from '../../../lib/index.js';
import { sleep } from '../source.js';
import { end } from './ended.js';
import type { OddContext } from './oddity.js';

/**
 * Its interceptors do what the request names: those of the handler, and with `caller:` before it those of the caller.
 */
const guarded = unary({ name: 'odd-guarded', request: type<string>(), response: type<string>() });

/** All of them, for transcripts. */
export const guardedRoutes = { guarded };

const ofCaller = 'caller: ';
const aborted = new Error('an interceptor has aborted it');

type Passed = Parameters<CallInterceptor>[0] | Parameters<HandlerInterceptor>[0];

/** What an interceptor does: to the call that it passes on, or in the place of that. */
const deeds: Readonly<Record<string, (call: Passed, next: (call: Passed) => Observable<unknown>) => unknown>> = {
  'a later deadline': (call, next) => next({ ...call, deadline: new Date(call.runtime.wallNow() + 20_000) }),
  'no deadline': (call, next) => next({ ...call, deadline: undefined }),
  'another signal': (call, next) => next({ ...call, signal: new AbortController().signal }),
  'an aborted signal': (call, next) => next({ ...call, signal: AbortSignal.abort(aborted) }),
  'a signal that aborts': (call, next) => {
    const controller = new AbortController();
    setTimeout(() => {
      controller.abort(aborted);
    }, 20);
    return next({ ...call, signal: controller.signal });
  },
  'an invalid deadline': (call, next) => next({ ...call, deadline: 5 as never }),
  'no call': (_, next) => next(undefined as never),
  'two responses': (call, next) => concat(next(call), next(call)),
  'no response': () => EMPTY,
  'no Observable': () => 'a response',
  'an exception': () => {
    throw new Error('the interceptor throws');
  },
  'a long time': (call, next) => timer(1_500).pipe(mergeMap(() => next(call))),
  // Whoever made the call has gone.
  'the call afterwards': (call, next) =>
    new Observable(() => {
      setTimeout(() => next(call).subscribe({ error: () => undefined }), 900);
    }),
};

/** Codes of the calls, where an interceptor of the handler does it, and where one of the caller does. */
const outcomes: Readonly<Record<string, readonly [handler: string, caller: string]>> = {
  'a later deadline': ['completed', 'completed'],
  'no deadline': ['completed', 'completed'],
  'another signal': ['completed', 'completed'],
  'an aborted signal': ['', String(aborted)],
  'a signal that aborts': ['', String(aborted)],
  'an invalid deadline': ['internal', 'configuration'],
  'no call': ['internal', 'interceptor'],
  'two responses': ['internal', 'interceptor'],
  'no response': ['internal', 'interceptor'],
  'no Observable': ['internal', 'interceptor'],
  'an exception': ['internal', 'Error: the interceptor throws'],
  'a long time': ['deadline-exceeded', 'deadline-exceeded'],
  'the call afterwards': ['deadline-exceeded', 'deadline-exceeded'],
};

/** Misbehaves at calls of {@link guarded} that ask for it; lets all others pass. */
export const misbehaving: CallInterceptor = (call, next) => {
  const { route, request } = call;
  if (route.name !== guarded.name || typeof request !== 'string' || !request.startsWith(ofCaller)) return next(call);
  return deeds[request.slice(ofCaller.length)]!(call, next as never) as Observable<unknown>;
};

const atHandler: HandlerInterceptor = (call, next) => {
  const request = call.request as string;
  if (request.startsWith(ofCaller)) return next(call);
  return deeds[request]!(call, next as never) as Observable<unknown>;
};

/** Registers the handler at a host. */
export function registerGuardedHandlers(manager: Manager): void {
  const handle = async (what: string, call: { readonly signal: AbortSignal }): Promise<string> => {
    await sleep(60);
    if (call.signal.aborted) throw call.signal.reason;
    return what;
  };
  manager.handle(guarded, handle, { intercept: [atHandler] });
}

/** Calls whose interceptors do what none should. */
export const guardedCalls: Readonly<Record<string, (context: OddContext) => Promise<void>>> = Object.fromEntries(
  Object.entries(outcomes).flatMap(([what, [atHandlerSide, atCaller]]) => {
    const made =
      (request: string, due: string) =>
      async ({ connection, intercepted, slowLine, expect }: OddContext): Promise<void> => {
        if (request !== what && !intercepted) return;
        const { code } = await end(connection.request(guarded, request, { timeout: 600 }));
        const isLate = slowLine && code === 'deadline-exceeded';
        expect(due === '' || code === due || isLate, `${code} in place of ${due}`);
      };
    return [
      [`interceptor of the handler: ${what}`, made(what, atHandlerSide)],
      [`interceptor of the caller: ${what}`, made(`${ofCaller}${what}`, atCaller)],
    ];
  }),
);
