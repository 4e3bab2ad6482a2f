// The example for jest is a spec of its own: importing it runs its tests here.
import '../../examples/replaying-an-incident/seats.incident.spec.js';
