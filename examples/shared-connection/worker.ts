// The script of the SharedWorker: one connection for all tabs of this origin.
import { shareConnection } from 'rxgrid/shared';

// #region worker
shareConnection(location.origin.replace(/^http/, 'ws'));
// #endregion
