//! Which pages may call, and where the page of this service signs people in.

use super::{Config, ConfigError};

/// Where the page signs people in: an OpenID provider's code flow with PKCE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// The issuer, whose description names the endpoints.
    pub issuer: String,
    /// The page's client id there, a public client; none if the page was not registered.
    pub client_id: Option<String>,
    /// The scopes that the page asks for, separated by blanks.
    pub scope: String,
    /// The API that the token shall be for, as the provider's parameter `audience`; none if it does not need to be told.
    pub audience: Option<String>,
    /// Origins of the provider's endpoints besides the issuer's own.
    pub origins: Vec<String>,
}

impl Config {
    /// `ALLOWED_ORIGINS`: the origins whose pages may call, separated by commas; `*` for all, nothing for none.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn allowed_origins(&self) -> Result<Vec<String>, ConfigError> {
        self.origins("ALLOWED_ORIGINS", true)
    }

    /// `JWT_ISSUER`, `PAGE_CLIENT_ID`, `PAGE_SCOPE`, `PAGE_AUDIENCE`, `PAGE_SIGN_IN_ORIGINS`: where the page signs people in. Nothing
    /// as the client id: nowhere.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn sign_in(&self) -> Result<SignIn, ConfigError> {
        Ok(SignIn {
            issuer: self.name("JWT_ISSUER")?,
            client_id: self.rule("PAGE_CLIENT_ID")?,
            scope: self.name("PAGE_SCOPE")?,
            audience: self.rule("PAGE_AUDIENCE")?,
            origins: self.origins("PAGE_SIGN_IN_ORIGINS", false)?,
        })
    }

    fn origins(&self, name: &'static str, any: bool) -> Result<Vec<String>, ConfigError> {
        let wanted =
            "it must be origins such as https://app.example.com, separated by commas, or *";
        let origins = self.any(name)?.split(',').map(str::trim);
        let origins: Vec<String> = origins
            .filter(|origin| !origin.is_empty())
            .map(str::to_owned)
            .collect();
        let is_origin = |origin: &String| {
            let host = origin
                .strip_prefix("https://")
                .or(origin.strip_prefix("http://"));
            (any && origin == "*")
                || host.is_some_and(|host| !host.is_empty() && !host.contains('/'))
        };
        if origins.iter().all(is_origin) {
            Ok(origins)
        } else {
            Err(ConfigError::Malformed { name, wanted })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{malformed, of};
    use super::*;

    #[test]
    fn origins_are_listed() {
        let origins = |value| of("ALLOWED_ORIGINS", value).allowed_origins();
        assert_eq!(origins(""), Ok(vec![]));
        assert_eq!(origins("*"), Ok(vec!["*".into()]));
        let two = vec!["https://a.example".to_owned(), "http://b:3000".to_owned()];
        assert_eq!(origins("https://a.example, http://b:3000"), Ok(two));
        for bad in ["a.example", "https://", "https://a.example/", "https://a,x"] {
            malformed(origins(bad), "ALLOWED_ORIGINS");
        }
    }

    #[test]
    fn sign_in_is_off_only_on_purpose() {
        let all = [
            ("JWT_ISSUER", "https://id.example.com"),
            ("PAGE_CLIENT_ID", ""),
            ("PAGE_SCOPE", "openid email"),
            ("PAGE_AUDIENCE", ""),
            ("PAGE_SIGN_IN_ORIGINS", "https://login.example.com"),
        ];
        let found = Config::from_iter(all).sign_in().unwrap();
        assert_eq!((found.client_id, found.audience), (None, None));
        assert_eq!(found.origins, ["https://login.example.com"]);
        for (missing, _) in all {
            let rest = all.into_iter().filter(|(name, _)| *name != missing);
            let answer = rest.collect::<Config>().sign_in();
            assert_eq!(answer, Err(ConfigError::Missing(missing)));
        }
        let every = all.map(|(name, value)| {
            (
                name,
                if name == "PAGE_SIGN_IN_ORIGINS" {
                    "*"
                } else {
                    value
                },
            )
        });
        malformed(Config::from_iter(every).sign_in(), "PAGE_SIGN_IN_ORIGINS");
    }
}
