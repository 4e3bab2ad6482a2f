export { errors, jwtVerify, SignJWT } from 'jose';
