/** A certificate chain and its private key, in PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

/** For `localhost` and 127.0.0.1, signed by itself, for a hundred years: no test makes keys. */
export const testCertificate: TestCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUVcs8WLCrfVXJ06fs3eAAvMkSrV4wCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAxMTUwM1oYDzIxMjYxMDMw
MDExNTAzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATDi1pEipghfWgQlRJVKS2L/cGnmN602ckZsz0QeaQJtp/v+fXiH9bo
VZW6JWGOBuzT/Mkxdz7hSUk+pTZu0vOqo28wbTAdBgNVHQ4EFgQUOtIv6nonE0b4
rTRdUTNo6dBv4p8wHwYDVR0jBBgwFoAUOtIv6nonE0b4rTRdUTNo6dBv4p8wDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhALnUTLZjG0wdJIoAsP2R5u3At5SHqfKfe8tc4LbUFFq9AiEA
mIi+LyuzWYGX1Ai5UzderDGePlGZA4bikmjLsrwN6WM=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqsjkfYoW+VR7DpL6
GNlRuqCNJJ5NE6pbnqCPr/ZDjnuhRANCAATDi1pEipghfWgQlRJVKS2L/cGnmN60
2ckZsz0QeaQJtp/v+fXiH9boVZW6JWGOBuzT/Mkxdz7hSUk+pTZu0vOq
-----END PRIVATE KEY-----
`,
};

/** Another one, that belongs to neither half of the first. */
export const otherTestCertificate: TestCertificate = {
  cert: `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUD6kJroo/ZK36oE4Uww40xnjz5MAwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMzAxMTUwM1oYDzIxMjYxMDMw
MDExNTAzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQTwl45pmRuXl6blqQUtPBOJSzYVdoVyla/FNl74OIAS5jvIuRo9I1F
Zca/5c7xtFXi6onesZH5zOp7CbmTOjw8o28wbTAdBgNVHQ4EFgQUEVEEHB78OkX5
su3eKnipp4HeA9swHwYDVR0jBBgwFoAUEVEEHB78OkX5su3eKnipp4HeA9swDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAL40oBaJWtOSVk+qMrNC/brqs0Ux/ClPHAbxFuP9qH5SAiEA
pI0xZisqg8+WtnxmALxvBT6TlMjsdz3FS+0/LJYfaps=
-----END CERTIFICATE-----
`,
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgLvwlKuWs0ibMqsLo
CkTC7B0up2jUhhlDt35DUO6qFeehRANCAAQTwl45pmRuXl6blqQUtPBOJSzYVdoV
yla/FNl74OIAS5jvIuRo9I1FZca/5c7xtFXi6onesZH5zOp7CbmTOjw8
-----END PRIVATE KEY-----
`,
};
