"""Who issues tokens in the test: an OpenID provider on loopback."""

import base64
import binascii
import contextlib
import http.server
import json
import os
import threading
import time

AUDIENCE = "lead-export"


class Issuer:
    """An OpenID provider: one key, its documents on loopback, tokens."""

    def __init__(self):
        from cryptography.hazmat.primitives.asymmetric import rsa

        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        # One name a run: whoever caches keys keeps them by their address.
        self.kid = binascii.hexlify(os.urandom(8)).decode()
        self.url = None

    @classmethod
    @contextlib.contextmanager
    def serving(cls):
        issuer = cls()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                documents = {
                    "/.well-known/openid-configuration": {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/jwks"},
                    "/jwks": {"keys": [issuer.jwk()]},
                }
                found = documents.get(self.path)
                self.send_response(200 if found else 404)
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield issuer
        finally:
            server.shutdown()

    def jwk(self):
        numbers = self.key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        return {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": self.kid,
            "n": text64(numbers.n.to_bytes(size, "big")),
            "e": text64(numbers.e.to_bytes(3, "big")),
        }

    def token(self, user, org, **claims):
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        now = int(time.time())
        body = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": user,
            "org_id": org,
            "email": f"{user}@example.com",
            "iat": now - 5,
            "exp": now + 3600,
        } | claims
        head = {"alg": "RS256", "typ": "JWT", "kid": self.kid}
        signed = ".".join(text64(json.dumps(part).encode()) for part in (head, body))
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{text64(signature)}"


def text64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
