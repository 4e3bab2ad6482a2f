// The example for jest is a spec of its own: importing it runs its tests here.
import '../../examples/key-value/lost-update.spec.js';
