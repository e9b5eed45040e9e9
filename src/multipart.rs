//! File uploads and the encoding of `multipart/form-data` bodies.

use bytes::Bytes;
use reqwest::multipart::{Form, Part};

/// A file to upload: its name, its media type and its content.
///
/// ```
/// let photo = altegio::File::new("chair.png", &b"\x89PNG"[..]).with_media_type("image/png");
/// assert_eq!(photo.name(), "chair.png");
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct File {
    name: String,
    media_type: Option<String>,
    bytes: Bytes,
}

impl File {
    /// Creates a file with this name and content. Without a media type it is
    /// sent as `application/octet-stream`. Sending a file whose name contains a
    /// control character fails.
    pub fn new(name: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self {
            name: name.into(),
            media_type: None,
            bytes: bytes.into(),
        }
    }

    /// Sets the media type, such as `image/png`.
    #[must_use]
    pub fn with_media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Returns the file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the file's content.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// Shows the size instead of the content.
impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("name", &self.name)
            .field("media_type", &self.media_type)
            .field("size", &self.bytes.len())
            .finish()
    }
}

/// A body that is sent as `multipart/form-data`. Implemented by generated code.
#[doc(hidden)]
pub trait Multipart {
    fn fields(&self) -> Vec<(&'static str, Option<Field>)>;
}

/// One field of a form.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum Field {
    Text(String),
    File(File),
}

/// A type that can be a field of a form. An absent field is not sent.
#[doc(hidden)]
pub trait ToField {
    fn to_field(&self) -> Option<Field>;
}

impl ToField for File {
    fn to_field(&self) -> Option<Field> {
        Some(Field::File(self.clone()))
    }
}

impl<T: ToField> ToField for Option<T> {
    fn to_field(&self) -> Option<Field> {
        self.as_ref().and_then(ToField::to_field)
    }
}

macro_rules! text_field {
    ($($type:ty),*) => {$(
        impl ToField for $type {
            fn to_field(&self) -> Option<Field> {
                Some(Field::Text(self.to_string()))
            }
        }
    )*};
}
text_field!(String, i64, f64, bool);

/// Builds reqwest's form from these fields. Called for each attempt, because
/// sending consumes the form.
///
/// # Errors
///
/// Returns an error if a file's name or media type cannot be part of a header.
pub(crate) fn form(fields: &[(&'static str, Field)]) -> Result<Form, String> {
    let mut form = Form::new();
    for (name, field) in fields {
        form = match field {
            Field::Text(text) => form.text(*name, text.clone()),
            Field::File(file) => {
                if file.name.chars().any(char::is_control) {
                    return Err(format!(
                        "`{name}`: the file's name contains a line break or another \
                         control character; rename the file"
                    ));
                }
                let media_type = file.media_type.as_deref();
                let part = Part::stream_with_length(file.bytes.clone(), file.bytes.len() as u64)
                    .file_name(file.name.clone())
                    .mime_str(media_type.unwrap_or("application/octet-stream"))
                    .map_err(|_| format!("`{name}`: expected a media type such as `image/png`"))?;
                form.part(*name, part)
            }
        };
    }
    Ok(form)
}
