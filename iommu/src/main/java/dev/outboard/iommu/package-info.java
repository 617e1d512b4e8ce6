/** Translation of IOVAs: who may reach which page frame, and what happens when nobody may. */
package dev.outboard.iommu;
