//! `[[trigger.cron]]`, of Spin's plugin.

use crate::app::CronTrigger;
use crate::cron::CronSchedule;
use crate::parse::trigger::{Context, refuse_several_components};
use crate::reader::{Code, Field, Table};

pub(super) fn read(mut table: Table<'_>, context: &mut Context<'_>) -> Option<CronTrigger> {
    let id = context.id(&mut table, "cron");
    let hint = "add `cron_expression = \"0 */5 * * * *\"`";
    let schedule = table.required("cron_expression", hint).and_then(|field| schedule(&field));
    let component = context.only_component(&mut table, &id);
    refuse_several_components(&mut table);
    let written_at = table.field.path.clone();
    table.finish();
    Some(CronTrigger { id, schedule: schedule?, component: component?, written_at })
}

fn schedule(field: &Field<'_>) -> Option<CronSchedule> {
    let schedule = CronSchedule::parse(&field.text()?);
    let report = |error: &crate::PatternError| {
        field.report_invalid(Code::Schedule, "a cron expression", &error.message, &error.hint);
    };
    schedule.inspect_err(report).ok()
}
