//! `[[trigger.command]]`, of Spin's plugin.

use crate::app::CommandTrigger;
use crate::parse::trigger::{Context, refuse_several_components};
use crate::reader::Table;

pub(super) fn read(mut table: Table<'_>, context: &mut Context<'_>) -> Option<CommandTrigger> {
    let id = context.id(&mut table, "command");
    let component = context.only_component(&mut table, &id);
    refuse_several_components(&mut table);
    let written_at = table.field.path.clone();
    table.finish();
    Some(CommandTrigger { id, component: component?, written_at })
}
