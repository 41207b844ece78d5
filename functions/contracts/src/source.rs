//! Reading a contract: its package and, before it, all packages that it refers to.

use anyhow::{Context, Result, bail, ensure};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use wit_parser::{
    InterfaceId, PackageId, PackageName, Resolve, UnresolvedPackageGroup, World, WorldItem,
};

/// The world that a function implements.
const WORLD: &str = "function";

/// A contract and where it was read from.
pub(crate) struct Contract {
    /// The folder's name, which is also the component's id.
    pub(crate) name: String,
    /// Everything that the contract refers to, resolved.
    pub(crate) resolve: Resolve,
    /// The contract's own package.
    pub(crate) package: PackageId,
    /// Folders, each after those that it refers to.
    pub(crate) folders: Vec<PathBuf>,
}

impl Contract {
    /// Read the package in `wit/<name>`.
    pub(crate) fn read(wit: &Path, name: &str) -> Result<Contract> {
        let packages = Packages::scan(wit)?;
        let folders = packages.in_order(&wit.join(name))?;
        let mut resolve = Resolve::default();
        let mut package = None;
        for folder in &folders {
            package = Some(resolve.push_path(folder)?.0);
        }
        let package = package.with_context(|| format!("no contract in {name}"))?;
        Ok(Contract { name: name.to_owned(), resolve, package, folders })
    }

    /// The world `function` of the contract.
    pub(crate) fn world(&self) -> Result<&World> {
        let package = &self.resolve.packages[self.package];
        let id = package.worlds.get(WORLD);
        let id = id.with_context(|| format!("{} has no world `{WORLD}`", package.name))?;
        Ok(&self.resolve.worlds[*id])
    }

    /// The full name of the world, as `shop:inventory/function@1.0.0`.
    pub(crate) fn world_name(&self) -> String {
        self.resolve.packages[self.package].name.interface_id(WORLD)
    }

    /// The interfaces that the world exports; exporting anything else is an error.
    pub(crate) fn exports(&self) -> Result<Vec<InterfaceId>> {
        let world = self.world()?;
        let interface = |item: &WorldItem| match item {
            WorldItem::Interface { id, .. } => Ok(*id),
            _ => bail!("the world `{}` exports something that is no interface", world.name),
        };
        world.exports.values().map(interface).collect()
    }

    /// Whether the world imports the interface with this full name.
    pub(crate) fn imports(&self, name: &str) -> Result<bool> {
        let names = self.world()?.imports.values().filter_map(|item| match item {
            WorldItem::Interface { id, .. } => self.resolve.id_of(*id),
            _ => None,
        });
        Ok(names.into_iter().any(|import| import == name))
    }
}

/// The folder `wit` that has this package: the nearest one above `crate_dir`.
pub(crate) fn find_wit(crate_dir: &Path, name: &str) -> Result<PathBuf> {
    let mut folders = crate_dir.ancestors().map(|folder| folder.join("wit"));
    let found = folders.find(|folder| folder.join(name).is_dir());
    found.with_context(|| format!("no folder `wit/{name}` above {}", crate_dir.display()))
}

/// All packages of the folder, by name.
struct Packages {
    by_folder: HashMap<PathBuf, UnresolvedPackageGroup>,
    by_name: HashMap<PackageName, PathBuf>,
}

impl Packages {
    fn scan(wit: &Path) -> Result<Packages> {
        let mut packages = Packages { by_folder: HashMap::new(), by_name: HashMap::new() };
        let entries = std::fs::read_dir(wit).with_context(|| wit.display().to_string())?;
        for entry in entries {
            let folder = entry?.path();
            if folder.is_dir() {
                let group = UnresolvedPackageGroup::parse_dir(&folder)
                    .with_context(|| folder.display().to_string())?;
                packages.by_name.insert(group.main.name.clone(), folder.clone());
                packages.by_folder.insert(folder, group);
            }
        }
        Ok(packages)
    }

    /// The folder after everything that it refers to.
    fn in_order(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let mut order = Vec::new();
        self.visit(folder, &mut Vec::new(), &mut order)?;
        Ok(order)
    }

    fn visit(
        &self,
        folder: &Path,
        path: &mut Vec<PathBuf>,
        order: &mut Vec<PathBuf>,
    ) -> Result<()> {
        if order.iter().any(|done| done == folder) {
            return Ok(());
        }
        ensure!(
            !path.iter().any(|above| above == folder),
            "the packages in `wit` refer to each other in a circle, through {}",
            folder.display()
        );
        let group = self.by_folder.get(folder);
        let group = group.with_context(|| format!("no package in {}", folder.display()))?;
        path.push(folder.to_owned());
        for name in group.main.foreign_deps.keys() {
            let needed = self.by_name.get(name).with_context(|| {
                format!("{} refers to {name}, which no folder of `wit` holds", group.main.name)
            })?;
            self.visit(needed, path, order)?;
        }
        path.pop();
        order.push(folder.to_owned());
        Ok(())
    }
}
