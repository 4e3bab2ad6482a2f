// main.mts: a Nest application that is a host of a grid, in place of an HTTP server
import 'reflect-metadata';
import { Inject, Injectable, Module, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { duplex, sharedSecret, type, unary } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { firstValueFrom, interval, lastValueFrom, map, take, toArray } from 'rxjs';

const price = unary({ name: 'price', request: type<{ item: string }>(), response: type<number>() });
const ticks = duplex({ name: 'ticks', request: type<{ count: number }>(), output: type<number>() });

/** A provider like any other: handlers call it. */
@Injectable()
class Prices {
  of(item: string): number {
    return item.length * 10;
  }
}

/** The grid lives as long as the application: it listens at the start, and drains at the shutdown. */
@Injectable()
class Grid implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly manager: Manager;

  constructor(@Inject('hosts') hosts: readonly [local: string, other: string], @Inject(Prices) prices: Prices) {
    this.manager = new Manager({
      local: hosts[0],
      hosts,
      auth: sharedSecret('only an example that everybody may read'),
    });
    this.manager.handle(price, ({ item }) => prices.of(item));
    this.manager.handle(ticks, ({ count }) =>
      interval(10).pipe(
        take(count),
        map((n) => n + 1),
      ),
    );
  }

  onApplicationBootstrap(): Promise<void> {
    return this.manager.listen();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.manager.drain();
  }
}

@Module({})
class GridModule {
  static of(local: string, other: string) {
    const providers = [Prices, Grid, { provide: 'hosts', useValue: [local, other] }];
    return { module: GridModule, providers };
  }
}

const names = ['http://127.0.0.1:9601', 'http://127.0.0.1:9602'] as const;
const create = (local: string, other: string) =>
  NestFactory.createApplicationContext(GridModule.of(local, other), { logger: false });
const apps = [await create(...names), await create(names[1], names[0])];
for (const app of apps) app.enableShutdownHooks(); // SIGTERM drains

const other = apps[0]!.get(Grid).manager.connection(names[1]);
await other.ready();
console.log('price', await firstValueFrom(other.request(price, { item: 'tea' })));
console.log('ticks', await lastValueFrom(other.stream(ticks, { count: 3 }).pipe(toArray())));
await Promise.all(apps.map((app) => app.close()));
