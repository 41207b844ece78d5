//! `[[trigger.redis]]`.

use crate::app::RedisTrigger;
use crate::parse::trigger::{Context, refuse_several_components};
use crate::reader::Table;

pub(super) fn read(mut table: Table<'_>, context: &mut Context<'_>) -> Option<RedisTrigger> {
    let id = context.id(&mut table, "redis");
    let channel = table.required_text("channel", "add `channel = \"orders\"`");
    let address = table.text("address");
    let component = context.only_component(&mut table, &id);
    refuse_several_components(&mut table);
    let written_at = table.field.path.clone();
    table.finish();
    Some(RedisTrigger { id, address, channel: channel?, component: component?, written_at })
}
