//! The request builders of operations: a method of the document's client starts a call
//! with its path arguments, setters add the other arguments, and `send` sends it.
//!
//! Generated code only lists what differs from operation to operation. A setter is a
//! single call to a function of [`Call`](crate::call::Call), and nothing is compiled
//! before a program uses it.

use crate::argument::IntoArgument;
use crate::call::Call;

/// Defines methods of a document's client, which start a call. Each row has a method's
/// path arguments, the function of [`Call`] that sets each of them, and the operation.
macro_rules! methods {
    ($(#[$tag:meta])* impl Client { $($(#[$doc:meta])* fn $method:ident(
        $($argument:ident: $type:ty = $put:ident($($at:literal),*)),*
    ) -> $builder:ident, $operation:ident;)* }) => {
        $(#[$tag])*
        impl Client {
            $(
                $(#[$doc])*
                #[inline]
                pub fn $method(&self, $($argument: impl $crate::IntoArgument<$type>),*) -> builder::$builder {
                    #[allow(unused_mut)]
                    let mut call = $crate::codegen::Call::new(&operations::$operation.route);
                    $(call.$put($($at,)* $argument);)*
                    builder::$builder::new(&self.transport, call)
                }
            )*
        }
    };
}
pub(crate) use methods;

/// Defines the request builder of an operation: the function of
/// [`Unread`](crate::response::Unread) that reads the response, and the response's type;
/// the setters, with the function of [`Call`] that each of them calls; the names of the
/// required arguments among them; the groups of fields of which the body needs one; and
/// the body, with a function of this module that
/// completes it, the function of `Call` that adds it, its type, and the type that holds
/// it until then.
macro_rules! typed_call {
    (
        $(#[$doc:meta])* $name:ident $read:ident $response:ty;
        { $($(#[$setter_doc:meta])* $setter:ident: $type:ty = $put:ident($($at:literal),*);)* }
        required [$($required:literal),*]
        groups [$($group:expr),*]
        body [$($complete:ident $add:ident $body:ty, $held:ty $(, $body_map:ident)?)?]
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        #[must_use = "the request is not sent until `send` is awaited"]
        pub struct $name {
            transport: $crate::codegen::Transport,
            call: $crate::codegen::Call,
            $(body: Option<$held>,)?
        }

        impl $name {
            #[inline]
            pub(super) fn new(
                transport: &$crate::codegen::Transport,
                call: $crate::codegen::Call,
            ) -> Self {
                Self {
                    transport: transport.clone(),
                    call,
                    $(body: None::<$held>,)?
                }
            }

            $(
                $(#[$setter_doc])*
                pub fn $setter(mut self, value: impl $crate::IntoArgument<$type>) -> Self {
                    self.call.$put($($at,)* value);
                    self
                }
            )*

            $(
                /// Sets the body.
                pub fn body(mut self, value: impl $crate::IntoArgument<$body>) -> Self {
                    self.body = self.call.argument::<$body>("body", value).map(Into::into);
                    self
                }

                $(
                    /// Changes the body, which is initially empty.
                    pub fn $body_map(mut self, change: impl FnOnce($held) -> $held) -> Self {
                        self.body = Some(change(self.body.unwrap_or_default()));
                        self
                    }
                )?
            )?

            /// Adds a query parameter that the document does not list, percent-encoded. A
            /// list is sent as one parameter for each item.
            pub fn query(mut self, name: &str, value: impl ::serde::Serialize) -> Self {
                self.call.add_query(name, value);
                self
            }

            /// Sets a request header. `Authorization`, `Accept` and the other headers that
            /// the client itself sets are refused before anything is sent.
            pub fn header(mut self, name: &str, value: impl ::std::fmt::Display) -> Self {
                self.call.add_header(name, value);
                self
            }

            #[inline]
            #[allow(unused_mut)]
            fn into_call(mut self) -> ($crate::codegen::Transport, $crate::codegen::Call) {
                $(
                    let body = $crate::typed_call::$complete::<$held, $body>(&mut self.call, self.body);
                    if let Some(body) = body {
                        self.call.$add(&body);
                    }
                )?
                self.call.require_any(&[$($group),*]);
                self.call.require(&[$($required),*]);
                (self.transport, self.call)
            }

            /// Sends the request and reads the whole response.
            ///
            /// # Errors
            ///
            /// Returns an error if an argument is invalid or missing, or if the call fails.
            #[inline]
            pub async fn send(self) -> Result<$crate::Response<$response>, $crate::Error> {
                let (transport, call) = self.into_call();
                transport.send(&call).await?.decode($crate::codegen::Unread::$read).await
            }

            /// Sends the request, and decodes the body of the response into a type of your
            /// own by the rules of [`send`](Self::send), such as an
            /// [`Envelope`](crate::Envelope) with your own `data`.
            ///
            /// # Errors
            ///
            /// Returns the errors of [`send`](Self::send).
            pub async fn send_as<T: ::serde::de::DeserializeOwned + Send + 'static>(
                self,
            ) -> Result<$crate::Response<T>, $crate::Error> {
                let (transport, call) = self.into_call();
                transport.send(&call).await?.decode($crate::codegen::Unread::json).await
            }
        }
    };
}
pub(crate) use typed_call;

/// Completes a required body that has a builder. Without any field set, it is empty.
pub(crate) fn built<B: IntoArgument<T> + Default, T>(
    call: &mut Call,
    body: Option<B>,
) -> Option<T> {
    call.argument("body", body.unwrap_or_default())
}

/// Completes a required body that is set as a whole.
pub(crate) fn whole<B: IntoArgument<T>, T>(call: &mut Call, body: Option<B>) -> Option<T> {
    if body.is_none() {
        call.missing("body");
    }
    call.argument("body", body)
}

/// Completes a body that may be left out.
#[allow(dead_code, reason = "depends on the document")]
pub(crate) fn optional<B: IntoArgument<T>, T>(call: &mut Call, body: Option<B>) -> Option<T> {
    call.argument("body", body)
}
