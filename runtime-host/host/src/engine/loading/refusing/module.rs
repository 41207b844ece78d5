//! The core module of a component that refuses each call, as text.
//!
//! A function returns an error of its interface if it has a fitting one, and nothing where nothing
//! is an answer, as [`deny`](super::super::deny) does it; else it traps. Arguments are not read, so
//! all of them may be at the same place in memory.

use super::super::deny::{CASES, TEXT};
use std::fmt::Write as _;
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{
    Function, Handle, Int, LiftLowerAbi, ManglingAndAbi, Resolve, ResourceIntrinsic, SizeAlign,
    Type, TypeDefKind, TypeId, WasmExport, WasmExportKind, WasmImport, WorldId, WorldItem,
    WorldKey,
};

const ABI: ManglingAndAbi = ManglingAndAbi::Legacy(LiftLowerAbi::Sync);
/// Where the text of errors is.
const TEXT_AT: usize = 8;
/// Where results are, with room between them.
const RESULTS_AT: usize = 256;
const RESULT_ALIGN: usize = 16;
/// What memory consists of.
const PAGE_BYTES: usize = 1 << 16;
/// The error of a result, and not its value.
const ERROR: u8 = 1;

/// The text of the module.
pub(super) fn of(resolve: &Resolve, world: WorldId) -> String {
    let mut sizes = SizeAlign::default();
    sizes.fill(resolve);
    let mut module = Module {
        resolve,
        sizes,
        imports: String::new(),
        functions: String::new(),
        drops: Vec::new(),
        memory: vec![0; RESULTS_AT],
    };
    module.memory[TEXT_AT..TEXT_AT + TEXT.len()].copy_from_slice(TEXT.as_bytes());
    let world = &resolve.worlds[world];
    for (key, item) in &world.exports {
        if let WorldItem::Interface { id, .. } = item {
            for function in resolve.interfaces[*id].functions.values() {
                module.function(world, key, function);
            }
        }
    }
    module.finish()
}

struct Module<'a> {
    resolve: &'a Resolve,
    sizes: SizeAlign,
    imports: String,
    functions: String,
    /// The resources of other components for which there is a function that drops a handle.
    drops: Vec<TypeId>,
    /// The static memory.
    memory: Vec<u8>,
}

impl Module<'_> {
    fn function(&mut self, world: &wit_parser::World, key: &WorldKey, function: &Function) {
        let signature = self.resolve.wasm_signature(AbiVariant::GuestExport, function);
        let kind = WasmExportKind::Normal;
        let export = WasmExport::Func { interface: Some(key), func: function, kind };
        let name = self.resolve.wasm_export_name(ABI, export);
        let mut body = String::new();
        // A borrowed handle has to be dropped before the end of the call.
        if !signature.indirect_params {
            let mut local = 0;
            for param in &function.params {
                if let Some(resource) = self.borrowed(world, &param.ty) {
                    let number = self.drop_of(world, resource);
                    body.extend(
                        number.map(|number| format!(" (call $drop{number} (local.get {local}))")),
                    );
                }
                local += self.flat_length(&param.ty);
            }
        }
        if let Some(ty) = &function.result {
            body += &self.returned(ty, signature.retptr);
        }
        let types = |types: &[WasmType]| types.iter().map(|ty| core_type(*ty)).collect::<Vec<_>>();
        let (params, results) = (types(&signature.params), types(&signature.results));
        let _ = writeln!(
            self.functions,
            "(func (export {name:?}) (param {}) (result {}){body})",
            params.join(" "),
            results.join(" ")
        );
    }

    /// The instructions that return a refusal of this type.
    fn returned(&mut self, ty: &Type, by_pointer: bool) -> String {
        let size = self.sizes.size(ty).size_wasm32();
        let mut bytes = vec![0; size];
        if self.refuse(ty, &mut bytes).is_none() {
            return " unreachable".to_owned();
        }
        if !by_pointer {
            // Only a result without a value and an error is that short.
            return format!(" (i32.const {})", bytes.first().copied().unwrap_or_default());
        }
        let at = self.memory.len().next_multiple_of(RESULT_ALIGN);
        self.memory.resize(at, 0);
        self.memory.extend(bytes);
        format!(" (i32.const {at})")
    }

    /// Writes a refusal of this type; none if there is no fitting one.
    fn refuse(&self, ty: &Type, bytes: &mut [u8]) -> Option<()> {
        match self.kind(ty)? {
            TypeDefKind::List(_) | TypeDefKind::Option(_) => Some(()),
            TypeDefKind::Result(result) => {
                *bytes.first_mut()? = ERROR;
                let Some(error) = &result.err else { return Some(()) };
                let cases = [result.ok.as_ref(), result.err.as_ref()];
                let at = self.sizes.payload_offset(Int::U8, cases).size_wasm32();
                self.refuse_with(error, bytes.get_mut(at..)?)
            }
            _ => None,
        }
    }

    /// Writes an error that says "you may not".
    fn refuse_with(&self, ty: &Type, bytes: &mut [u8]) -> Option<()> {
        if *ty == Type::String {
            return text(bytes);
        }
        match self.kind(ty)? {
            TypeDefKind::Type(Type::String) => text(bytes),
            TypeDefKind::Enum(cases) => {
                let names = || cases.cases.iter().map(|case| &*case.name);
                let index =
                    CASES.iter().find_map(|wanted| names().position(|name| name == *wanted))?;
                tag(index, cases.tag(), bytes)
            }
            TypeDefKind::Variant(variant) => CASES.iter().find_map(|wanted| {
                let index = variant.cases.iter().position(|case| case.name == *wanted)?;
                let cases = variant.cases.iter().map(|case| case.ty.as_ref());
                let at = self.sizes.payload_offset(variant.tag(), cases).size_wasm32();
                match &variant.cases.get(index)?.ty {
                    None => {}
                    Some(Type::String) => text(bytes.get_mut(at..)?)?,
                    // None, which is zero.
                    Some(ty) if matches!(self.kind(ty), Some(TypeDefKind::Option(_))) => {}
                    Some(_) => return None,
                }
                tag(index, variant.tag(), bytes)
            }),
            _ => None,
        }
    }

    /// What a type is, by whatever name.
    fn kind(&self, ty: &Type) -> Option<&TypeDefKind> {
        let Type::Id(id) = ty else { return None };
        match &self.resolve.types[*id].kind {
            TypeDefKind::Type(inner @ Type::Id(_)) => self.kind(inner),
            kind => Some(kind),
        }
    }

    /// The resource of another component that a parameter borrows.
    fn borrowed(&self, world: &wit_parser::World, ty: &Type) -> Option<TypeId> {
        let Some(TypeDefKind::Handle(Handle::Borrow(id))) = self.kind(ty) else { return None };
        let mut id = *id;
        while let TypeDefKind::Type(Type::Id(inner)) = self.resolve.types[id].kind {
            id = inner;
        }
        let wit_parser::TypeOwner::Interface(owner) = self.resolve.types[id].owner else {
            return None;
        };
        let own =
            |item: &WorldItem| matches!(item, WorldItem::Interface { id, .. } if *id == owner);
        (!world.exports.values().any(own)).then_some(id)
    }

    /// The function that drops a handle of a resource.
    fn drop_of(&mut self, world: &wit_parser::World, resource: TypeId) -> Option<usize> {
        if let Some(number) = self.drops.iter().position(|one| *one == resource) {
            return Some(number);
        }
        let wit_parser::TypeOwner::Interface(owner) = self.resolve.types[resource].owner else {
            return None;
        };
        let is_owner =
            |item: &WorldItem| matches!(item, WorldItem::Interface { id, .. } if *id == owner);
        let (key, _) = world.imports.iter().find(|(_, item)| is_owner(item))?;
        let intrinsic = ResourceIntrinsic::ImportedDrop;
        let import = WasmImport::ResourceIntrinsic { interface: Some(key), resource, intrinsic };
        let (module, name) = self.resolve.wasm_import_name(ABI, import);
        let number = self.drops.len();
        let _ =
            writeln!(self.imports, "(import {module:?} {name:?} (func $drop{number} (param i32)))");
        self.drops.push(resource);
        Some(number)
    }

    /// How many core parameters a parameter has.
    fn flat_length(&self, ty: &Type) -> usize {
        let mut flat = [WasmType::I32; 64];
        let mut list = wit_parser::abi::FlatTypes::new(&mut flat);
        self.resolve.push_flat(ty, &mut list);
        list.to_vec().len()
    }

    fn finish(self) -> String {
        let end = self.memory.len().next_multiple_of(RESULT_ALIGN);
        let data: String = self.memory.iter().fold(String::new(), |mut data, byte| {
            let _ = write!(data, "\\{byte:02x}");
            data
        });
        let pages = end.div_ceil(PAGE_BYTES);
        let Self { imports, functions, .. } = self;
        // Arguments are put at the end of the static memory, which grows for the longest ones.
        format!(
            "(module\n{imports}{functions}\
             (memory (export \"memory\") {pages})\n(data (i32.const 0) \"{data}\")\n\
             (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) (local i32)\n\
             (local.set 4 (i32.sub (i32.shr_u (i32.add (local.get 3) (i32.const {})) \
             (i32.const 16)) (memory.size)))\n\
             (if (i32.gt_s (local.get 4) (i32.const 0)) (then \
             (if (i32.eq (memory.grow (local.get 4)) (i32.const -1)) (then unreachable))))\n\
             (i32.const {end})))\n",
            end + PAGE_BYTES - 1
        )
    }
}

fn core_type(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
    }
}

/// Writes the number of a case.
fn tag(index: usize, tag: Int, bytes: &mut [u8]) -> Option<()> {
    let length = match tag {
        Int::U8 => 1,
        Int::U16 => 2,
        Int::U32 | Int::U64 => 4,
    };
    let index = u32::try_from(index).ok()?.to_le_bytes();
    bytes.get_mut(..length)?.copy_from_slice(&index[..length]);
    Some(())
}

/// Writes the text of an error.
fn text(bytes: &mut [u8]) -> Option<()> {
    let (at, length) = (u32::try_from(TEXT_AT).ok()?, u32::try_from(TEXT.len()).ok()?);
    bytes.get_mut(..4)?.copy_from_slice(&at.to_le_bytes());
    bytes.get_mut(4..8)?.copy_from_slice(&length.to_le_bytes());
    Some(())
}
