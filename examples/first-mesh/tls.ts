// tls.ts: hosts with certificates
import { sharedSecret } from 'rxgrid';
import { Manager } from 'rxgrid/node';
import { readFileSync } from 'node:fs';

/** A host of a grid whose certificates are signed by your own authority. */
export function createTlsHost(local: string, hosts: readonly string[], secret: string, folder: string): Manager {
  const tls = {
    key: readFileSync(`${folder}/host.key`),
    cert: readFileSync(`${folder}/host.crt`), // for the name in `local`, an https:// URL
    ca: readFileSync(`${folder}/ca.crt`), // omit it if a well-known authority signed the certificates
  };
  return new Manager({ local, hosts, auth: sharedSecret(secret), tls });
}
