//! The names of the types, and the places that each type is used at.

use std::collections::{BTreeMap, BTreeSet};

/// The types of a document by name, each with the places that use it.
///
/// A place is part of an operation (`get_tag.data`, `create_tag.body`) or of
/// another type (`Appointment.services[]`). `[]` stands for the items of a list,
/// and `.*` for the values of a map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names(BTreeMap<String, BTreeSet<String>>);

impl Names {
    /// Reads a text that [`Names::to_text`] wrote. Lines of another form are
    /// ignored: the file is about to be replaced.
    pub fn parse(text: &str) -> Self {
        let mut names = Self::default();
        for line in text.lines() {
            if let Some((name, places)) = line.split_once(": ") {
                for place in places.split(", ") {
                    names.add(name, place.to_owned());
                }
            }
        }
        names
    }

    /// Returns one line for each type: its name and its places.
    pub fn to_text(&self) -> String {
        let line = |(name, places): (&String, &BTreeSet<String>)| {
            let places: Vec<&str> = places.iter().map(String::as_str).collect();
            format!("{name}: {}\n", places.join(", "))
        };
        self.0.iter().map(line).collect()
    }

    pub fn add(&mut self, name: &str, place: String) {
        self.0.entry(name.to_owned()).or_default().insert(place);
    }

    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns the name of the type at a place.
    pub fn at(&self, place: &str) -> Option<&str> {
        let mut types = self.0.iter();
        let (name, _) = types.find(|(_, places)| places.contains(place))?;
        Some(name)
    }

    /// Returns the types of `before` that have another name now, each with the
    /// new name.
    pub fn renamed(&self, before: &Self) -> Vec<(String, String)> {
        let gone = before
            .0
            .iter()
            .filter(|(name, _)| !self.0.contains_key(*name));
        gone.filter_map(|(name, places)| {
            let new = places.iter().find_map(|place| self.at(place))?;
            Some((name.clone(), new.to_owned()))
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_whose_places_have_another_name_is_renamed() {
        let before = Names::parse("Client: get_client.data\nTag: Client.tags[], get_tag.data\n");
        let after = Names::parse("Client: get_client.data\nLabel: get_tag.data\nNew: x.body\n");
        assert_eq!(after.renamed(&before), [("Tag".into(), "Label".into())]);
        assert_eq!(Names::parse(&before.to_text()), before);
        assert_eq!(before.at("Client.tags[]"), Some("Tag"));
    }
}
