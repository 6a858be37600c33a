/**
 * Object.hasOwn for browsers from before 2021: the libraries for hashes and curves call it
 * while they are loaded. The build puts this in its place.
 */
export const kuaHasOwn = (of: object, name: PropertyKey): boolean => Object.prototype.hasOwnProperty.call(of, name);
