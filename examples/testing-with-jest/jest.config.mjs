// @ts-check
// jest.config.mjs: TypeScript with jest
export default {
  transform: { '^.+\\.ts$': '@swc/jest' },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' }, // ./service.js is ./service.ts
};
