//! Stock, payments and shipping as their contracts promise them: repeating is harmless, and
//! a compensation bars the step that it takes back, even if that comes later.

use orders::domain::event::{Action, Failure};
use orders::domain::saga::Fault;
use orders::domain::{Step, Undo};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Stock {
    #[default]
    Free,
    Held,
    Sold,
    Barred,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Payment {
    #[default]
    None,
    Held,
    Captured,
    Barred,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Parcel {
    #[default]
    None,
    Waiting,
    Traveling,
    Barred,
}

/// What a participant answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reply {
    Done,
    Refused,
    TooLate,
    Silence,
}

impl Reply {
    pub(crate) fn answer(self) -> Result<(), Fault> {
        match self {
            Self::Done => Ok(()),
            Self::Refused => Err(Fault::Refused { code: "no", detail: String::new() }),
            Self::TooLate => Err(Fault::TooLate(String::new())),
            Self::Silence => Err(Fault::Failed(Failure::Unknown, String::new())),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Participants {
    pub(crate) stock: Stock,
    pub(crate) payment: Payment,
    pub(crate) parcel: Parcel,
    /// How often money was taken.
    pub(crate) captures: u8,
}

impl Participants {
    pub(crate) fn perform(&mut self, action: Action) -> Reply {
        match action {
            Action::Do(step) => self.go(step),
            Action::Undo(Undo::CancelPayment) => {
                self.payment = Payment::Barred;
                Reply::Done
            }
            Action::Undo(Undo::Release | Undo::TakeBack) => {
                self.stock = Stock::Barred;
                Reply::Done
            }
            Action::Undo(Undo::CancelShipment) if self.parcel == Parcel::Traveling => {
                Reply::TooLate
            }
            Action::Undo(Undo::CancelShipment) => {
                self.parcel = Parcel::Barred;
                Reply::Done
            }
            // No parcel is returned in the model.
            Action::Undo(Undo::RefundParcel | Undo::RestockParcel) => Reply::Done,
        }
    }

    fn go(&mut self, step: Step) -> Reply {
        match (step, self.stock, self.payment, self.parcel) {
            (Step::Reserve, Stock::Free, ..) => self.stock = Stock::Held,
            (Step::Commit, Stock::Held, ..) => self.stock = Stock::Sold,
            (Step::Reserve, Stock::Barred, ..)
            | (Step::Commit, Stock::Free | Stock::Barred, ..) => {
                return Reply::Refused;
            }
            (Step::Authorize, _, Payment::None, _) => self.payment = Payment::Held,
            (Step::Capture, _, Payment::Held, _) => {
                self.payment = Payment::Captured;
                self.captures += 1;
            }
            (Step::Authorize, _, Payment::Barred, _)
            | (Step::Capture, _, Payment::None | Payment::Barred, _)
            | (Step::Ship, .., Parcel::Barred) => return Reply::Refused,
            (Step::Ship, .., Parcel::None) => self.parcel = Parcel::Waiting,
            _ => {}
        }
        Reply::Done
    }
}
