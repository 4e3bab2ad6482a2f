export { decodeJwt, errors, jwtVerify, SignJWT } from 'jose';
