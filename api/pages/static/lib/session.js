/** Who is signed in: an API key, kept for this tab only and sent to nobody but this service. */

import { get, useKey } from "./api.js";

/** @typedef {{user: string, roles: string[]}} Person */

const NAME = "carpool-key";

/** Takes the key of a link such as /ride#key=ck_…, and takes it out of the address at once. */
function keyFromLink() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given) {
    history.replaceState(null, "", location.pathname + location.search);
    sessionStorage.setItem(NAME, given);
  }
  return given;
}

/** Signs in with the key of the link or of this tab. Raises Problem. @returns {Promise<Person | null>} */
export async function resume() {
  const key = keyFromLink() ?? sessionStorage.getItem(NAME);
  return key ? signIn(key) : null;
}

/** Raises Problem when the key is not good. @param {string} key @returns {Promise<Person>} */
export async function signIn(key) {
  useKey(key.trim());
  try {
    const person = await get("/v1/me");
    sessionStorage.setItem(NAME, key.trim());
    return person;
  } catch (error) {
    if (/** @type {any} */ (error).status === 401) signOut();
    throw error;
  }
}

export function signOut() {
  useKey(null);
  sessionStorage.removeItem(NAME);
}

/** @param {Person} person */
export const rides = (person) => person.roles.some((role) => ["rider", "partner", "admin"].includes(role));

/** @param {Person} person */
export const drives = (person) => person.roles.some((role) => ["driver", "partner", "admin"].includes(role));

/** @param {Person} person */
export const operates = (person) => person.roles.some((role) => ["ops", "admin"].includes(role));
