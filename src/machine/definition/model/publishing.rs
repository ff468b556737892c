//! Which machines publish, found among their actions. Must not say who reads what is published.

use super::{Action, Machine, State};

impl Action {
    /// True for an action that publishes, by itself or in one of its branches.
    fn publishes(&self) -> bool {
        match self {
            Self::Publish(_) => true,
            Self::If(branches) => branches.iter().flat_map(|(_, actions)| actions).any(Self::publishes),
            _ => false,
        }
    }
}

impl State {
    fn actions(&self) -> impl Iterator<Item = &Action> {
        let taken = self.transitions.iter().flat_map(|transition| &transition.actions);
        self.entry.iter().chain(&self.exit).chain(taken)
    }
}

impl Machine {
    /// True where instances of the machine have a live stream.
    #[must_use]
    pub fn publishes(&self) -> bool {
        self.states.iter().flat_map(State::actions).any(Action::publishes)
    }
}
