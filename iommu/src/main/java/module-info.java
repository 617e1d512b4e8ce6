/** The IOMMU as tables, a cache and rules: pure Java over memory that somebody else provides. */
module dev.outboard.iommu {
    exports dev.outboard.iommu;

    uses dev.outboard.iommu.TableFormat;
}
